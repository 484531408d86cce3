#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables of common.bash
# layerboot check: each complaint, a stack that gives none, and that images and machine are left as they were.

setup() {
	load common
	layerboot=$root/build/layerboot
	mklayer=$scripts/mklayer
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir -p sys/usr/sbin sys/usr/lib/old sys/etc sys/dev sys/proc sys/sys sys/run sys/lib/modules/6.1.0-1 user/etc
	ln -s usr/sbin sys/sbin
	printf '#!/usr/sbin/shell\n' >sys/usr/sbin/real
	elf sys/usr/sbin/shell 62
	chmod 755 sys/usr/sbin/real sys/usr/sbin/shell
	ln -s /usr/sbin/real sys/usr/sbin/init
	echo system >sys/etc/motd
	echo gone >sys/etc/gone
	echo old >sys/usr/lib/old/a
	echo old >sys/usr/lib/old/b
	echo user >user/etc/motd
	cat >manifest <<'END'
version = 1
[layer system]
source = SERIAL=system
[layer user]
source = SERIAL=user
END
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root to mount"
}

# elf FILE MACHINE [INTERPRETER]: the head of a 64-bit program.
elf() {
	python3 - "$@" <<'END'
import struct, sys
interpreter = (sys.argv[3] + "\0").encode() if len(sys.argv) > 3 else b""
head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, int(sys.argv[2]), 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
head += struct.pack("<IIQQQQQQ", 3 if interpreter else 1, 4, 120, 0, 0, len(interpreter), len(interpreter), 1)
open(sys.argv[1], "wb").write(head + interpreter)
END
	chmod 755 "$1"
}

# layers [MKLAYER OPTION]...: system.img, and user.img with the options.
layers() {
	"$mklayer" sys -o system.img
	"$mklayer" user -o user.img "$@"
}

# check STATUS [ARGUMENT]...: with both images.
check() {
	local expected=$1
	shift
	need_root
	run "$layerboot" check --manifest manifest --kernel-image bzImage "$@" system=system.img user=user.img
	[ "$status" = "$expected" ] || {
		printf 'status %s instead of %s:\n%s\n' "$status" "$expected" "$output"
		return 1
	}
}

# kernel_image FILE RELEASE: as much of a bzImage as is looked at.
kernel_image() {
	python3 - "$@" <<'END'
import struct, sys
image = bytearray(4096)
image[0x1fe:0x200] = b"\x55\xaa"
image[0x202:0x206] = b"HdrS"
struct.pack_into("<H", image, 0x20e, 0x400)
struct.pack_into("<H", image, 0x236, 1)
version = sys.argv[2].encode() + b" (builder) #1\0"
image[0x600:0x600 + len(version)] = version
open(sys.argv[1], "wb").write(image)
END
}

@test "check: a sick manifest, with the place and what was expected" {
	printf 'version = 1\n[layer system]\nsorce = SERIAL=x\n' >sick
	run "$layerboot" check --manifest sick
	[ "$status" = 1 ]
	contains "error[manifest-invalid]: sick:3:1: unknown key; expected one of: source"
	run "$layerboot" check --manifest sick --json
	[ "$status" = 1 ]
	[ "$(jq -r '.findings[0].kind + " " + .findings[0].level' <<<"$output")" = "manifest-invalid error" ]
	run "$layerboot" check --manifest manifest --cmdline layerboot.nonsense=1
	[ "$status" = 1 ]
	contains "error[cmdline-invalid]"
	run "$layerboot" check --manifest manifest
	[ "$status" = 0 ]
	[ "$output" = "check: 2 layers, 0 files, 0 shadowed, 0 deleted, 0 warnings, 0 errors" ]
}

@test "check: wrong usage" {
	for arguments in "--nonsense" "--manifest nothere" "--bus ide" "system" "system=nothere" "--kernel-image manifest" \
		"--upgrade a b" "--upgrade a b c"; do
		# shellcheck disable=SC2086
		run "$layerboot" check $arguments
		[ "$status" = 2 ]
	done
	run "$layerboot" check --help
	[ "$status" = 0 ]
	contains "usage: layerboot check"
}

@test "check: shadowed and deleted paths are counted and listed; nothing is left behind, no byte changed" {
	kernel_image bzImage 6.1.0-1
	layers --delete etc/gone --opaque usr/lib/old
	need_root
	sha256sum ./*.img >sums
	losetup -a >loops
	cat /proc/mounts >mounts
	check 0
	[ "$output" = "check: 2 layers, 9 files, 1 shadowed, 3 deleted, 0 warnings, 0 errors" ]
	check 0 --list
	contains "shadowed  /etc/motd  user over system"
	contains "deleted   /etc/gone  user over system"
	contains "deleted   /usr/lib/old/*  user over system, 2 paths"
	check 0 --json
	[ "$(jq -c '[.shadowed[].path, .deleted[].path]' <<<"$output")" = '["/etc/motd","/etc/gone","/usr/lib/old"]' ]
	[ "$(jq -c .summary <<<"$output")" = '{"layers":2,"files":9,"shadowed":1,"deleted":3,"warnings":0,"errors":0}' ]
	sha256sum -c --quiet sums
	cmp mounts /proc/mounts
	for _ in 1 2 3 4 5; do
		losetup -a | cmp -s loops - && break
		sleep 0.2
	done
	losetup -a | cmp loops -
}

@test "check: every type of image, in partitions" {
	need_root
	kernel_image bzImage 6.1.0-1
	sed -i 's/SERIAL=user/PARTLABEL=layerboot-user/' manifest
	for type in squashfs erofs ext4; do
		"$mklayer" sys -o system.img --type "$type"
		"$mklayer" user -o user.img --type "$type" --gpt
		sha256sum ./*.img >sums
		check 0
		contains "1 shadowed"
		sha256sum -c --quiet sums
	done
}

@test "check: layers that are files of one disk" {
	need_root
	mkdir -p one two bundles
	echo 1 >one/first
	echo 2 >two/first
	"$mklayer" sys -o bundles/0-system.sfs
	"$mklayer" one -o bundles/2-one.sfs
	"$mklayer" two -o bundles/10-two.sfs
	truncate -s 8M disk.img
	mke2fs -q -t ext4 -d bundles disk.img
	printf 'version = 1\n[layer all]\nsource = SERIAL=disk\nimage = *.sfs\n' >manifest
	run "$layerboot" check --manifest manifest --list disk=disk.img
	[ "$status" = 0 ]
	contains "shadowed  /first  all.3 over all.2"
	contains "check: 3 layers"
}

@test "check: a directory over a symlink, over a file; a file over a directory; a whiteout of nothing" {
	kernel_image bzImage 6.1.0-1
	mkdir -p user/usr user/sbin user/etc/gone
	echo x >user/sbin/more
	echo file >user/usr/lib
	ln -s usr/sbin/real sys/init
	layers --delete etc/mtod
	check 0 --cmdline init=/init
	contains 'warning[directory-over-symlink]: layer "user": /sbin is a directory and hides the symlink /sbin -> usr/sbin of layer "system"'
	contains 'warning[directory-over-file]: layer "user": /etc/gone is a directory and hides the file of layer "system"'
	contains 'warning[file-over-directory]: layer "user": /usr/lib is no directory and hides all of the directory of layer "system"'
	contains 'warning[deletes-nothing]: layer "user": /etc/mtod is deleted, but no layer below has it'
	contains "4 warnings, 0 errors"
}

@test "check: .wh. files of container images" {
	kernel_image bzImage 6.1.0-1
	touch user/etc/.wh.gone user/etc/.wh.mtod
	mkdir -p user/usr/lib/old
	touch user/usr/lib/old/.wh..wh..opq
	echo 'whiteouts = wh' >>manifest
	layers
	check 0 --list
	contains "deleted   /etc/gone  user over system"
	contains "deleted   /usr/lib/old/*  user over system, 2 paths"
	contains "warning[deletes-nothing]: layer \"user\": /etc/mtod"
	contains "check: 2 layers, 9 files"
}

@test "check: a name of 256 bytes on squashfs" {
	need_root
	kernel_image bzImage 6.1.0-1
	layers
	mksquashfs user user.img -quiet -noappend -no-progress -p "$(printf 'n%.0s' {1..256}) f 644 0 0 echo x" >/dev/null
	check 0
	contains "warning[name-too-long]: layer \"user\": /nnnn"
	mksquashfs user user.img -quiet -noappend -no-progress -p "$(printf 'n%.0s' {1..255}) f 644 0 0 echo x" >/dev/null
	check 0
	contains "0 warnings"
}

@test "check: what trust = untrusted and only refuse" {
	need_root
	kernel_image bzImage 6.1.0-1
	cp manifest plain
	echo 'trust = untrusted' >>manifest
	layers
	check 0
	cp sys/usr/sbin/shell user/etc/su
	chmod 4755 user/etc/su
	layers
	check 1
	contains 'error[layer-privileged]: layer "user": /etc/su'
	{
		cat plain
		echo 'only = /opt'
	} >manifest
	check 1
	contains 'error[layer-outside]: layer "user": /etc'
	cp plain manifest
	check 0
}

@test "check: protected paths" {
	kernel_image bzImage 6.1.0-1
	sed -i '/SERIAL=system/a protect = /etc/motd /etc/gone /usr' manifest
	layers
	check 0
	layers --delete etc/gone
	check 1
	contains 'error[protect-unreachable]: layer "system": /etc/gone in the merged root: No such file'
	rm user/etc/motd
	mkdir user/etc/motd
	layers
	check 1
	contains 'error[protect-unreachable]: layer "system": /etc/motd is of another kind in the merged root'
	sed -i 's/^protect.*/protect = \/nothere/' manifest
	check 1
	contains 'error[protect-unreachable]: layer "system": /nothere in the layer'
}

@test "check: the init, through symlinks across layers, and what runs it" {
	kernel_image bzImage 6.1.0-1
	layers
	check 0
	check 1 --cmdline init=/bin/nothere
	contains "error[init-missing]: /bin/nothere in the merged root: No such file or directory"
	layers --delete usr/sbin/real
	check 1
	contains "error[init-missing]: /bin/init in the merged root"
	layers --delete usr/sbin/shell
	check 1
	contains "error[init-exec]: /sbin/init needs /usr/sbin/shell in the merged root: No such file or directory"
	mkdir -p user/usr/sbin
	elf user/usr/sbin/shell 183
	layers
	check 1
	contains 'error[init-exec]: layer "user": /usr/sbin/shell is a program for arm64, and the kernel is one for x86_64'
	elf user/usr/sbin/shell 62 /lib64/ld.so
	layers
	check 1
	contains "error[init-exec]: /usr/sbin/shell needs /lib64/ld.so in the merged root"
	mkdir user/lib64
	ln -s ../lib/ld.so user/lib64/ld.so
	elf sys/lib/ld.so 62
	layers
	check 0
	echo text >user/usr/sbin/real
	chmod 755 user/usr/sbin/real
	layers
	check 1
	contains "error[init-exec]: layer \"user\": /sbin/init is no program"
}

@test "check: /dev, /proc, /sys and /run in the merged root" {
	kernel_image bzImage 6.1.0-1
	rmdir sys/run
	layers
	check 0
	printf '[top]\ntype = none\n' >>manifest
	check 1
	contains "error[root-directory]: /run: No such file or directory"
	ln -s /tmp sys/run
	sed -i '/top/d; /none/d' manifest
	layers
	check 1
	contains "error[root-directory]: /run: Not a directory"
}

@test "check: the modules of the kernel" {
	layers
	need_root
	kernel_image bzImage 6.2.0-1
	check 0
	contains "warning[modules-missing]: the merged root has no /lib/modules/6.2.0-1"
	check 0 --kernel 6.1.0-1
	contains "0 warnings"
	sed -i '/SERIAL=system/a kernel = 6.1.0-1' manifest
	check 1
	contains 'error[modules-missing]: layer "system"'
}

@test "check: who is not root and has no FUSE programs is told both ways" {
	need_root
	public_dir
	layers
	cp "$layerboot" ./*.img "$public"
	cd "$public"
	run as_nobody env PATH=/nothere ./layerboot check system=system.img user=user.img
	[ "$status" = 2 ]
	contains "error[not-read]"
	contains "run it as root, or install squashfuse"
}

@test "check: 100,000 files in two layers in seconds" {
	need_root
	kernel_image bzImage 6.1.0-1
	python3 - <<'END'
import os
for directory in range(500):
    for layer in "sys", "user":
        os.makedirs(f"{layer}/many/{directory}")
        for name in range(100):
            open(f"{layer}/many/{directory}/{name}", "w").close()
END
	mksquashfs sys system.img -quiet -noappend -no-progress >/dev/null
	mksquashfs user user.img -quiet -noappend -no-progress >/dev/null
	start=$(date +%s)
	check 0
	contains "50001 shadowed"
	[ $(($(date +%s) - start)) -lt 20 ]
}

# The same change on both sides of everything that can change.
upgrade_trees() {
	local side
	for side in old new; do
		mkdir -p $side/var/lib/dpkg $side/etc/dir $side/usr/bin $side/usr/share/doc
		for file in var/lib/dpkg/status etc/conf usr/bin/copied usr/bin/system-only usr/share/doc/a etc/deleted etc/equal; do
			echo $side >$side/$file
		done
		echo same >$side/etc/top-only
		echo same >$side/etc/mode
	done
	chmod 700 new/etc/dir
	chmod 600 new/etc/mode
	mkdir old/etc/{file,left}
	echo new >new/etc/file
	echo old >old/etc/gone
	echo new >new/etc/both
	mkdir -p top/work top/upper/var/lib/dpkg top/upper/etc/dir top/upper/usr/bin top/upper/usr/share
	echo top | tee top/upper/{var/lib/dpkg/status,etc/conf,etc/gone,etc/both,etc/top-only,etc/new} >/dev/null
	echo old >top/upper/usr/bin/copied
	echo new >top/upper/etc/equal
	echo same >top/upper/etc/mode
	chmod 640 top/upper/etc/mode
	chmod 711 top/upper/etc/dir
	mkdir -m 700 top/upper/etc/left
	mkdir top/upper/etc/file
	mknod top/upper/etc/deleted c 0 0
	mknod top/upper/usr/share/doc c 0 0
}

@test "check --upgrade: exactly the paths changed on both sides, package databases first" {
	need_root
	umask 022
	upgrade_trees
	cat >expected <<'END'
changed in both                  /var/lib/dpkg/status
added in both                    /etc/both
changed in both                  /etc/conf
deleted in TOP, changed in NEW   /etc/deleted
changed in both                  /etc/dir
changed in both                  /etc/file
kept in TOP, deleted in NEW      /etc/gone
kept in TOP, deleted in NEW      /etc/left
changed in both                  /etc/mode
copied in TOP, changed in NEW    /usr/bin/copied
replaced in TOP, changed in NEW  /usr/share/doc
END
	run "$layerboot" check --upgrade old new top
	[ "$status" = 1 ]
	diff expected <(head -n 11 <<<"$output")
	contains "next: "
	contains "check: 11 paths changed on both sides, 1 of package databases"
	"$mklayer" old -o old.img --type erofs
	"$mklayer" new -o new.img --gpt
	mkdir -p disk/vm
	mv top/upper disk/vm
	truncate -s 32M top.img
	mke2fs -q -t ext4 -d disk top.img
	sha256sum ./*.img >sums
	run "$layerboot" check --upgrade --subdir vm old.img new.img top.img
	[ "$status" = 1 ]
	diff expected <(head -n 11 <<<"$output")
	run "$layerboot" check --upgrade --subdir vm --json old.img new.img top.img
	[ "$(jq -c '[.paths[0].path, .paths[0].database, (.paths | length)]' <<<"$output")" = '["/var/lib/dpkg/status",true,11]' ]
	run "$layerboot" check --upgrade --subdir vm old.img old.img top.img
	[ "$status" = 0 ]
	[ "$output" = "check: 0 paths changed on both sides, 0 of package databases" ]
	sha256sum -c --quiet sums
	run "$layerboot" check --upgrade old.img new.img top.img
	[ "$status" = 2 ]
}

# flip FILE OFFSET: turns one bit over.
flip() {
	python3 - "$@" <<'END'
import sys
with open(sys.argv[1], "r+b") as image:
    image.seek(int(sys.argv[2]))
    byte = image.read(1)[0] ^ 1
    image.seek(int(sys.argv[2]))
    image.write(bytes([byte]))
END
}

@test "check: a layer with a root hash: whole, a block of the data or the tree changed, another root hash, cut short" {
	local data name value
	head -c 700000 /dev/urandom >user/etc/random
	kernel_image bzImage 6.1.0-1
	layers --verity >said
	cp user.img whole.img
	while IFS=' =' read -r name value; do
		[ "$name" != verity-data-size ] || data=$value
	done <said
	grep -E '^(type|verity)' said >>manifest
	check 0
	contains ", 0 errors"
	# Of the file system, its last block; of the tree, its topmost and its last block.
	for offset in 5000 $((data - 1)); do
		flip user.img "$offset"
		check 1
		contains 'error[layer-corrupt]: layer "user"' "block $((offset / 4096)) of the data is not what the hash tree says"
		cp whole.img user.img
	done
	flip user.img "$data"
	check 1
	contains 'error[layer-corrupt]: layer "user"' "it is the image of another root hash"
	cp whole.img user.img
	flip user.img $(($(stat -c %s user.img) - 1))
	check 1
	contains 'error[layer-corrupt]: layer "user"' "of the hash tree is not what the hash tree says"
	cp whole.img user.img
	# Its first digit comes last.
	awk '$1 == "verity" { print "verity =", substr($3, 2) substr($3, 1, 1); next } { print }' manifest >other
	[ "$(<manifest)" != "$(<other)" ]
	cp manifest right && cp other manifest
	check 1
	contains 'error[layer-corrupt]: layer "user"' "it is the image of another root hash"
	cp right manifest
	truncate -s "$((data - 4096))" user.img
	check 1
	contains 'error[layer-short]: layer "user"' "what its root hash covers ends at $data"
	cp whole.img user.img
	truncate -s -512 user.img
	check 1
	contains 'error[layer-short]: layer "user"' "the hash tree ends at"
}
