#!/usr/bin/env bats
# scripts/run-vm: mostly the command that it would run, and a few guests that really run.
# shellcheck disable=SC2154 # bats sets stderr

setup() {
	bats_require_minimum_version 1.5.0
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || return
	head -c 4096 /dev/zero | tee kernel initramfs a.img b.img disk.qcow2 'c,d.img' 'e f.img' >/dev/null
}

run_vm() { # the options that nearly every test gives
	run --separate-stderr "$root/scripts/run-vm" --kernel kernel --initramfs initramfs --accel tcg "$@"
}

prints() { # TEXT: it stands in the printed command
	[[ $output == *"$1"* ]] || {
		printf 'not in the output: %s\n%s\n%s\n' "$1" "$output" "$stderr"
		return 1
	}
}

refuses() { # STATUS TEXT
	[[ $status -eq $1 && $stderr == *'run-vm: error: '*"$2"* && -z $output ]] || {
		printf 'status %s, expected %s and: %s\n%s\n%s\n' "$status" "$1" "$2" "$output" "$stderr"
		return 1
	}
}

@test "--help explains and exits 0" {
	run "$root/scripts/run-vm" --help
	[ "$status" -eq 0 ]
	prints 'usage: scripts/run-vm'
	prints 'Exit status:'
	prints 'Examples:'
}

@test "an image is a read-only virtio disk with its name as serial" {
	run_vm --dry-run system=a.img
	[ "$status" -eq 0 ]
	prints 'driver=raw,node-name=disk0,read-only=on,file.driver=file,file.filename=a.img'
	prints '-device virtio-blk-pci,drive=disk0,serial=system,queue-size=64'
	prints '-nodefaults'
	prints '-no-user-config'
	prints '-nic none'
	prints '-machine q35'
	prints '-m 512M'
	prints '-device pvpanic-pci'
}

@test "the printed command is shell and names what was given" {
	run_vm --dry-run --append "a='b c' \$d" 'my disk=e f.img'
	printf 'qemu-system-x86_64() { printf "%%s\\n" "$@"; }\n%s\n' "$output" >command.sh
	run bash command.sh
	[ "$status" -eq 0 ]
	prints "a='b c' \$d"
	prints 'serial=my disk'
	prints 'file.filename=e f.img'
}

@test "rw, bus and format of an image" {
	run_vm --dry-run a=a.img,rw b=b.img,bus=scsi c=b.img,rw,bus=scsi d=a.img,bus=nvme q=disk.qcow2 r=a.img,format=qcow2
	[ "$status" -eq 0 ]
	prints 'node-name=disk0,read-only=off'
	prints '-device scsi-hd,bus=scsi.0,drive=disk1,serial=b'
	prints 'node-name=disk2,read-only=off'
	prints '-device nvme,drive=disk3,serial=d'
	prints 'driver=qcow2,node-name=disk4,read-only=on'
	prints 'driver=qcow2,node-name=disk5'
	[ "$(grep -c virtio-scsi-pci <<<"$output")" -eq 1 ]
}

@test "a comma in a file name is written twice, and escaped for QEMU" {
	run_vm --dry-run a=c,,d.img,rw
	[ "$status" -eq 0 ]
	prints 'file.filename=c,,d.img'
	prints 'read-only=off'
}

@test "a raw file that looks like qcow2 stays raw, with a warning" {
	printf 'QFI\373' >a.img
	run_vm --dry-run a=a.img
	[ "$status" -eq 0 ]
	prints 'driver=raw,node-name=disk0'
	[[ $stderr == *'looks like qcow2'* ]]
}

@test "a name of 20 bytes is taken, of 21 bytes or none refused" {
	run_vm --dry-run 12345678901234567890=a.img
	[ "$status" -eq 0 ]
	run_vm --dry-run 123456789012345678901=a.img
	refuses 2 '21 bytes'
	run_vm --dry-run äöüäöüäöüäö=a.img
	refuses 2 '22 bytes'
	run_vm --dry-run =a.img
	refuses 2 'empty name'
}

@test "what is wrong with an image is said" {
	run_vm --dry-run a.img
	refuses 2 'NAME=FILE'
	run_vm --dry-run a=missing.img
	refuses 2 'missing.img'
	run_vm --dry-run a=
	refuses 2 'file name is empty'
	run_vm --dry-run a=.
	refuses 2 'neither a file nor a block device'
	run_vm --dry-run a=a.img,ro
	refuses 2 'unknown option "ro"'
	run_vm --dry-run a=a.img,bus=ide
	refuses 2 'unknown option "bus=ide"'
}

@test "what is wrong with an option is said" {
	run_vm --dry-run --frobnicate
	refuses 2 '--frobnicate'
	run_vm --dry-run --frobnicate=1
	refuses 2 '--frobnicate'
	run_vm --machine
	refuses 2 'needs a value'
	run_vm --dry-run --machine pc
	refuses 2 'q35 microvm'
	run_vm --dry-run --cpus 0
	refuses 2 '--cpus'
	run_vm --dry-run --memory lots
	refuses 2 '--memory'
	run_vm --dry-run --timeout soon
	refuses 2 '--timeout'
	run_vm --dry-run --port x
	refuses 2 '--port'
	run_vm --dry-run --icount --accel kvm
	refuses 2 '--icount'
	run_vm --dry-run --machine microvm --hotplug-ports 1
	refuses 2 'q35'
	run_vm --dry-run --qemu no-such-qemu
	refuses 4 'no-such-qemu'
	run --separate-stderr "$root/scripts/run-vm" --dry-run
	refuses 2 '--kernel'
	run_vm --dry-run --kernel nothing
	refuses 2 'nothing'
}

@test "microvm has virtio-mmio devices, ACPI and no PCI" {
	run_vm --dry-run --machine microvm --net user --port p=out a=a.img b=b.img,bus=scsi
	[ "$status" -eq 0 ]
	prints '-machine microvm,acpi=on'
	prints 'virtio-blk-device,drive=disk0'
	prints 'virtio-scsi-device'
	prints 'virtio-serial-device'
	prints 'virtio-net-device'
	prints '-device pvpanic '
	[[ $output != *-pci* ]]
	run_vm --dry-run --machine microvm a=a.img,bus=nvme
	refuses 2 'no PCI'
}

@test "microvm takes 23 virtio devices, and any number of scsi disks" {
	local images=() i
	for i in {1..23}; do images+=("disk$i=a.img"); done
	run_vm --dry-run --machine microvm "${images[@]}"
	[ "$status" -eq 0 ]
	run_vm --dry-run --machine microvm "${images[@]}" more=a.img
	refuses 2 '24 virtio devices'
	run_vm --dry-run --machine microvm "${images[@]/%/,bus=scsi}" "${images[@]/%/,bus=scsi}"
	[ "$status" -eq 0 ]
}

@test "40 disks on q35 share slots" {
	local images=() i
	for i in {1..40}; do images+=("disk$i=a.img"); done
	run_vm --dry-run --hotplug-ports 2 "${images[@]}"
	[ "$status" -eq 0 ]
	prints 'serial=disk1,addr=0x1e.0,multifunction=on'
	prints 'serial=disk40,addr=0x1a.7'
	prints 'pcie-root-port,id=hp1'
}

@test "kernel parameters: defaults first, then --append in order" {
	run_vm --dry-run --append one --append=two
	prints "-append 'console=ttyS0 panic=-1 no_timer_check one two'"
	run_vm --dry-run --no-default-append --append one
	prints "-append 'no_timer_check one'"
	run_vm --dry-run --accel kvm
	prints "-append 'console=ttyS0 panic=-1'"
	prints '-cpu host'
	run_vm --dry-run --machine microvm --icount
	prints 'tsc_early_khz=1000000'
}

@test "the other options" {
	run_vm --dry-run --icount --no-pvpanic --cpus 2 --memory=1G --net user --console log --qmp sock \
		--port org.layerboot.report=report --qemu-arg -name --qemu-arg 'my guest' --timeout 5
	[ "$status" -eq 0 ]
	prints '-accel tcg,thread=single'
	prints '-icount shift=0,sleep=on'
	prints '-smp 2'
	prints '-m 1G'
	prints '-netdev user,id=net'
	prints 'logfile=log'
	prints '-qmp unix:sock,server=on,wait=off'
	prints 'file,id=port0,path=report'
	prints 'virtserialport,chardev=port0,name=org.layerboot.report'
	prints "-name 'my guest'"
	[[ $output != *pvpanic* ]]
}

@test "--report asks for it on a port of its own, beside --port" {
	run_vm --dry-run --report out.json --port other=out --append 'one -- two'
	[ "$status" -eq 0 ]
	prints "-append 'console=ttyS0 panic=-1 no_timer_check layerboot.report=virtio:org.layerboot.report one -- two'"
	prints 'file,id=report,path=out.json'
	prints 'virtserialport,chardev=report,name=org.layerboot.report'
	prints 'virtserialport,chardev=port0,name=other'
	[ "$(grep -c virtio-serial-pci <<<"$output")" -eq 1 ]
	[ ! -e out.json ]
	run_vm --dry-run --machine microvm --report out.json
	prints '-device virtio-serial-device'
}

@test "what is wrong with --report is said" {
	run_vm --dry-run --report ''
	refuses 2 'empty'
	run_vm --dry-run --report nowhere/out.json
	refuses 2 'no directory nowhere'
	run_vm --dry-run --report .
	refuses 2 'not a file'
	run_vm --dry-run --report out.json --append layerboot.report=console
	refuses 2 '--append'
	run_vm --dry-run --report out.json --port org.layerboot.report=other
	refuses 2 '--port'
}

# A machine that sends the text "sent" through the report's port and then says by QMP that it ends as in "end".
fake_qemu() {
	cat >qemu <<-'END'
		#!/usr/bin/env bash
		for word; do
			[[ $word != file,id=report,path=* ]] || cat sent >"${word#*path=}"
			[[ $word != pipe,id=events,path=* ]] || events=${word#*path=}.out
		done
		printf '{"event": "%s"}\n' "$(<end)" >"$events"
	END
	chmod +x qemu
	echo 'SHUTDOWN", "data": {"reason": "guest-shutdown"}, "x": "' >end
	echo old >out.json
	mkdir tmp
	export TMPDIR=$PWD/tmp
}

@test "the report is kept, the last one if there are two" {
	fake_qemu
	printf '{"result":"ok"}\n{"result":"failed"}\n' >sent
	umask 027
	run_vm --qemu ./qemu --report out.json
	[ "$status" -eq 0 ]
	[ "$(<out.json)" = '{"result":"failed"}' ]
	[ "$(stat -c %a out.json)" = 640 ]
	[ -z "$(ls tmp)" ]
	echo GUEST_PANICKED >end
	run_vm --qemu ./qemu --report out.json
	[ "$status" -eq 1 ]
	[ -s out.json ]
}

@test "without a whole report a guest that ended well is status 6, and no file is left" {
	fake_qemu
	: >sent
	run_vm --qemu ./qemu --report out.json
	[ "$status" -eq 6 ]
	[[ $stderr == *'warning: no boot report came'*out.json* ]]
	for text in '{"result":"ok"}' '{"result":"ok",\n' 'text\n' '"text"\n' '{"result":"ok"}\n{"res'; do
		# shellcheck disable=SC2059 # the newline
		printf "$text" >sent
		run_vm --qemu ./qemu --report out.json
		[ "$status" -eq 6 ]
		[[ $stderr == *'not a whole one'*out.json* ]]
	done
	echo GUEST_PANICKED >end
	run_vm --qemu ./qemu --report out.json
	refuses 1 'panicked'
	[ -z "$(find . -name '.out*')" ]
	[ ! -e out.json ]
	[ -z "$(ls tmp)" ]
}

@test "one line says which accelerator, and why" {
	run_vm --dry-run
	[ "$stderr" = 'run-vm: tcg (as asked)' ]
	run_vm --dry-run --accel auto --icount
	[ "$stderr" = 'run-vm: tcg (--icount)' ]
	run_vm --dry-run --accel auto
	[[ $stderr =~ ^'run-vm: '(kvm|tcg)' ('.*')'$ ]]
	[ ! -e "$XDG_CACHE_HOME" ]
}

@test "QEMU's own failure is status 4" {
	run_vm --qemu-arg -no-such-option
	refuses 4 'failed with status 1'
	[[ $stderr == *-no-such-option* ]]
}

@test "the time limit is status 3, and leaves nothing behind" {
	mkdir tmp
	TMPDIR=$PWD/tmp run --separate-stderr "$root/scripts/run-vm" --kernel kernel --accel tcg --qemu-arg -S --timeout 1
	refuses 3 'after 1 seconds'
	[ -z "$(ls tmp)" ]
}

@test "ended from outside is 143 after SIGTERM" {
	mkfifo ready
	"$root/scripts/run-vm" --kernel kernel --accel tcg --qemu-arg -S --port x=ready 2>/dev/null 3>&- &
	: <ready # QEMU is there when it opens the port
	kill -TERM $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 143 ]
}

real_kernel() {
	local kernels=("$root"/build/kernels/cloud/boot/vmlinuz-*)
	[ -e "${kernels[0]}" ] || skip 'no build/kernels/cloud; scripts/get-kernel makes it'
	kernel=${kernels[0]}
}

@test "a guest that panics is status 1, and its console is kept" {
	real_kernel
	run --separate-stderr "$root/scripts/run-vm" --kernel "$kernel" --accel tcg --timeout 120 --quiet --console log \
		--append quiet
	refuses 1 'seen by its console'
	grep -a 'Kernel panic - not syncing: VFS: Unable to mount root fs' log
}

@test "a guest that powers off is status 0, one that reboots 5 or, if it may, 0" {
	real_kernel
	command -v cpio >/dev/null || skip 'no cpio'
	cat >init.c <<-'END'
		#include <string.h>
		#include <sys/reboot.h>
		int main(int argc, char **argv)
		{
			return reboot(argc > 1 && !strcmp(argv[1], "again") ? RB_AUTOBOOT : RB_POWER_OFF);
		}
	END
	musl-gcc -static -Os -o init init.c
	echo init | cpio -o -H newc --quiet >initramfs
	local run=("$root/scripts/run-vm" --kernel "$kernel" --initramfs initramfs --accel tcg --timeout 120 a=a.img)
	run "${run[@]}"
	[ "$status" -eq 0 ]
	prints 'reboot: Power down'
	run "${run[@]}" --append '-- again'
	[ "$status" -eq 5 ]
	run "${run[@]}" --append '-- again' --reboot-ok
	[ "$status" -eq 0 ]
}

@test "--fast-boot adds parameters ahead of those of --append" {
	run_vm --dry-run --fast-boot --append loglevel=7 system=a.img
	[ "$status" -eq 0 ]
	prints "quiet cryptomgr.notests no_timer_check loglevel=7"
	run_vm --dry-run system=a.img
	[[ $output != *quiet* ]]
}
