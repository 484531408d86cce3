#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables of common.bash
# layerboot plan: what it is told, sick and odd; its exit status is how the boot would fare.

setup() {
	load common
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir -p sys/etc
	"$scripts/mklayer" sys -o system.img
	printf 'version = 1\n[layer one]\nsource = SERIAL=system\n' >manifest
}

# plan STATUS [ARGUMENT]...: the two channels into one.
plan() {
	local expected=$1
	shift
	run "$root/build/layerboot" plan "$@"
	[ "$status" = "$expected" ] || {
		printf 'status %s instead of %s:\n%s\n' "$status" "$expected" "$output"
		return 1
	}
}

@test "plan: the built-in manifest, and one of a file" {
	plan 0 system=system.img
	contains 'layer system: mount /dev/vda on /run/layerboot/layers/system type squashfs'
	matches '^exec the real init$'
	plan 0 --manifest manifest system=system.img
	contains 'layer one: mount /dev/vda'
	plan 0 --manifest manifest --bus nvme system=system.img
	contains 'layer one: mount /dev/nvme0n1'
	plan 1 --manifest manifest other=system.img
	contains 'error[layer-missing]: layer "one": no disk with SERIAL=system after 10 s; seen: vda (SERIAL=other squashfs'
}

@test "plan: --json is the steps, or the failure; the error goes to the other channel" {
	plan 0 --json system=system.img
	[ "$(jq -r '.[-1].step' <<<"$output")" = 'exec the real init' ]
	[ "$(jq -r '[.[] | select(.layer == "system") | .phase] | unique[]' <<<"$output")" = layers ]
	run bash -c '"$1" plan --json user=system.img 2>error' - "$root/build/layerboot"
	[ "$status" = 1 ]
	[ "$(jq -r .failure.word <<<"$output")" = layer-missing ]
	[ "$(jq -r .failure.layer <<<"$output")" = system ]
	grep -qF "$(jq -r .failure.text <<<"$output")" error
	plan 2 --json --mounts system=system.img
	contains 'only one of them can be printed'
}

@test "plan: what is no image, no file, no inventory is wrong usage" {
	plan 2 x
	contains 'expected NAME=IMAGE'
	plan 2 =system.img
	plan 2 "system=$PWD/none"
	contains 'No such file or directory'
	plan 2 system=sys
	contains 'sys: expected a file or a block device'
	plan 2 system=/dev/null
	contains 'expected a file or a block device'
	plan 2 --manifest none system=system.img
	plan 2 --manifest sys system=system.img
	plan 2 --bus ide system=system.img
	contains 'expected virtio, scsi or nvme'
	plan 2 exactly-twenty-bytes-x=system.img
	contains 'a virtio serial has at most 20 bytes'
	plan 2 --inventory none
	head -c 100000 /dev/urandom >noise
	plan 2 --inventory noise
	echo '{"format":1}' >report
	plan 2 --inventory report
	contains 'expected the report of a boot'
	printf 'NAME="vda" SERIAL="system"\nNAME="vda"\n' >twice
	plan 2 --inventory twice
	contains 'twice:2:'
	# It would have to be asked.
	printf 'NAME="vda" SERIAL="system" KNOWN="1"\n' >little
	plan 2 --inventory little
	contains 'says too little of the disks'
	plan 2 --nothing
	plan 0 --help
}

@test "plan: images that cannot be layers fail as the boot does" {
	: >empty
	plan 1 system=empty
	contains 'error[layer-type]: layer "system": vda (SERIAL=system 0 bytes)'
	head -c 65536 /dev/urandom >noise
	plan 1 system=noise
	contains 'error[layer-type]'
	plan 1 system=system.img --cmdline 'layerboot.layer=b,source=SERIAL=system'
	contains 'error[layer-duplicate]: layer "b"'
	plan 1 system=system.img system=system.img
	contains '2 disks match SERIAL=system'
	plan 1 system=system.img --cmdline layerboot.skip=system
	contains 'error[no-layers]'
	plan 1 system=system.img --cmdline layerboot.typo=1
	contains 'error[cmdline-invalid]'
	head -c 70000 /dev/zero >zero
	plan 1 --manifest zero system=system.img
	contains 'error[manifest-invalid]: zero: larger than 64 KiB'
	printf 'version = 1\nunion = aufs\n[layer a]\nsource = SERIAL=system\nwhiteouts = xattr\n' >aufs
	plan 1 --manifest aufs system=system.img
	contains 'error[manifest-invalid]'
}

@test "plan: a block device is an image, too" {
	[ "$(id -u)" = 0 ] && device=$(losetup --find --show --read-only system.img 2>/dev/null) || skip 'no loop device'
	run "$root/build/layerboot" plan "system=$device"
	losetup --detach "$device"
	[ "$status" = 0 ]
	contains 'type squashfs'
}

@test "plan: layerboot.manifest= on one of the disks is read from its image" {
	cp manifest text.img
	truncate -s 4096 text.img
	plan 0 --cmdline layerboot.manifest=SERIAL=text system=system.img text=text.img
	contains 'layer one: mount /dev/vda'
	plan 1 --cmdline layerboot.manifest=SERIAL=text system=system.img
	contains 'error[manifest-missing]: no disk with SERIAL=text'
	plan 1 --cmdline layerboot.manifest=SERIAL=text system=system.img text=text.img text=text.img
	contains 'error[layer-duplicate]: 2 disks match SERIAL=text'
	printf 'version = 1\nsorce = x\n' >text.img
	plan 1 --cmdline layerboot.manifest=SERIAL=text system=system.img text=text.img
	contains 'error[manifest-invalid]: SERIAL=text:2:1: '
	truncate -s 1M text.img
	printf x | dd of=text.img bs=1 seek=8192 conv=notrunc status=none
	plan 1 --cmdline layerboot.manifest=SERIAL=text system=system.img text=text.img
	contains 'found a NUL byte'
	# What is in the guest only, nobody can read here.
	plan 2 --cmdline layerboot.manifest=/etc/other system=system.img
	contains 'give its text with --manifest'
	plan 2 --cmdline layerboot.manifest=fw_cfg:opt/x system=system.img
	plan 0 --cmdline layerboot.manifest=/etc/other --manifest manifest system=system.img
	printf 'NAME="vda" SERIAL="text" KNOWN="7"\n' >inventory
	plan 2 --cmdline layerboot.manifest=SERIAL=text --inventory inventory
	contains 'no image is given for this disk; give --manifest'
}

@test "plan: layerboot.manifest= in a file on one of the disks" {
	[ "$(id -u)" = 0 ] || skip 'needs root to mount'
	mkdir -p config/layerboot
	cp manifest config/layerboot/manifest
	"$scripts/mklayer" config -o config.img
	plan 0 --cmdline layerboot.manifest=SERIAL=config:/layerboot/manifest system=system.img config=config.img
	contains 'layer one: mount /dev/vda'
	plan 1 --cmdline layerboot.manifest=SERIAL=config:/none system=system.img config=config.img
	contains 'error[manifest-missing]: SERIAL=config:/none: No such file or directory'
}
