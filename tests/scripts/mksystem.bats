#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables of common.bash
# scripts/mksystem: one image is built for all tests, with the modules as a layer of their own.

setup_file() {
	load common
	kernel cloud
	export kernel release
	cd "$BATS_FILE_TMPDIR" || return 1
	mkdir copy
	echo copied >copy/copied
	ls -l /var/lib/apt/lists /var/cache/apt/archives >machine.before 2>&1 || true
	"$scripts/mksystem" -o system.img --hostname guest --copy copy --modules "$kernel" --modules-layer modules.img
	ls -l /var/lib/apt/lists /var/cache/apt/archives >machine.after 2>&1 || true
	unsquashfs -lln system.img >list
	unsquashfs -lln modules.img >modules
	fakeroot unsquashfs -q -n -d tree system.img etc var/lib/dpkg/status copied >unsquashfs.log
}

setup() {
	load common
	cd "$BATS_FILE_TMPDIR" || return 1
}

in_list() { # REGEX of a path
	grep -qE " squashfs-root/$1( |\$)" list
}

@test "mksystem: a Debian with systemd, below 120 MB" {
	in_list usr/lib/systemd/systemd
	in_list usr/sbin/init
	in_list usr/bin/udevadm
	in_list usr/bin/dbus-daemon
	in_list usr/sbin/ip
	in_list usr/sbin/modprobe
	[ "$(stat -c %s system.img)" -lt 120000000 ]
	run awk '$1 == "Package:" && $2 == "systemd"' tree/var/lib/dpkg/status
	contains systemd
}

@test "mksystem: nothing of the machine that built it, nor of one guest" {
	[ -e tree/etc/machine-id ] && [ ! -s tree/etc/machine-id ]
	[ "$(cat tree/etc/hostname)" = guest ]
	run grep -vE '^(#|$)' tree/etc/fstab
	[ "$status" = 1 ]
	run grep -rE '^ *(deb|URIs:)' tree/etc/apt
	[ "$status" = 1 ]
	for path in etc/ssh/ssh_host.* etc/resolv.conf var/lib/dbus/machine-id 'var/lib/apt/lists/.*_(Packages|Release|InRelease).*' 'var/cache/apt/archives/.*\.deb' \
		'var/log/.*\.log' var/lib/systemd/random-seed 'etc/(passwd|shadow|group|gshadow)-' 'etc/apt/apt.conf.d/99.*' 'dev/.*' 'tmp/.*' 'run/.*'; do
		if in_list "$path"; then
			echo "there is $path"
			false
		fi
	done
	# The links of a merged /usr, and a sane root directory.
	grep -q ' squashfs-root/sbin -> usr/sbin$' list
	grep -qE '^drwxr-xr-x 0/0 .* squashfs-root$' list
}

@test "mksystem: the package lists and cache of the machine that builds stay as they are" {
	diff machine.before machine.after
}

@test "mksystem: owners and set-user-ID bits are those of the packages" {
	grep -qE '^-rwsr-xr-x 0/0 .* squashfs-root/usr/bin/passwd$' list
	grep -qE '^-rw-r----- 0/42 .* squashfs-root/etc/shadow$' list
	grep -qE '^drwxrwxrwt 0/0 .* squashfs-root/tmp$' list
}

@test "mksystem: nobody can log in unless asked for" {
	grep -qE '^root:[*!]' tree/etc/shadow
	[ ! -e tree/etc/systemd/system/serial-getty@.service.d ]
}

@test "mksystem: --copy brings files, owned by root" {
	[ "$(cat tree/copied)" = copied ]
	grep -qE '^-rw-r--r-- 0/0 .* squashfs-root/copied$' list
}

@test "mksystem: the modules are a layer of their own, at the place where /lib points" {
	grep -q " squashfs-root/usr/lib/modules/$release/modules.dep.bin$" modules
	grep -q " squashfs-root/usr/lib/modules/$release/kernel/fs/overlayfs/overlay.ko$" modules
	run grep -E ' squashfs-root/(lib|usr/lib/modules/[^/]*/(build|source))( |$)' modules
	[ "$status" = 1 ]
	run in_list "usr/lib/modules/$release.*"
	[ "$status" = 1 ]
	"$scripts/mklayer" copy -o over.img --base system.img --base modules.img
}

@test "mksystem: what cannot be is said, before anything is fetched" {
	for arguments in "" "-o x --type vfat" "-o x --init openrc" "-o x --hostname a.b" "-o x --modules-layer y" "-o x --kernel 1" "-o x --nonsense"; do
		# shellcheck disable=SC2086
		run "$scripts/mksystem" $arguments
		[ "$status" = 2 ]
	done
	run "$scripts/mksystem" -o nothere/system.img
	[ "$status" = 1 ]
	contains "there is no directory nothere"
	run "$scripts/mksystem" -o x.img --modules "$kernel" --kernel 1.2.3
	[ "$status" = 1 ]
	contains "no modules of kernel 1.2.3"
	echo "deb http://archive.invalid/debian bookworm main" >sources
	run "$scripts/mksystem" -o x.img --sources sources --suite nonsense
	[ "$status" = 1 ]
	contains "no release 'nonsense'"
	[ ! -e x.img ]
}
