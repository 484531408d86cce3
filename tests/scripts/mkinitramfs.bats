#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables of common.bash
# scripts/mkinitramfs: reproducible, made by anyone, nothing in it that the boot does not need.

setup() {
	load common
	kernel cloud
	out=$BATS_TEST_TMPDIR/initramfs.cpio
	cat >"$BATS_TEST_TMPDIR/small" <<-'END'
		version = 1
		[layer system]
		source = SERIAL=system
		type = squashfs
	END
}

teardown() {
	[ -z "${public:-}" ] || rm -rf "$public"
}

unpack() { # ARCHIVE DIR
	mkdir -p "$2"
	(cd "$2" && cpio -idm --quiet --no-absolute-filenames) <"$1"
}

# A module directory of its own, made of what an archive holds; the archive is $out.
tree_of_archive() {
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" -o "$out"
	unpack "$out" "$BATS_TEST_TMPDIR/k"
	cp "$kernel/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} "$BATS_TEST_TMPDIR/k/lib/modules/$release/"
	rm "$BATS_TEST_TMPDIR/k/lib/modules/$release"/modules.*.bin
}

@test "mkinitramfs: the same bytes from another place, user mask and user" {
	(umask 022 && "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest "$BATS_TEST_TMPDIR/small" -o "$out")
	public_dir
	mkdir -p "$public/x/scripts" "$public/x/build" "$public/x/initramfs" "$public/tmp"
	chmod 1777 "$public/tmp"
	cp "$scripts"/mkinitramfs "$scripts"/lib*.sh "$public/x/scripts/"
	cp "$root/build/layerboot" "$public/x/build/"
	cp "$root/initramfs/modules" "$public/x/initramfs/"
	cp -r "$kernel/lib/modules/$release" "$public/x/"
	cp "$BATS_TEST_TMPDIR/small" "$public/x/"
	chmod -R a+rX "$public/x"
	sleep 1
	(umask 077 && cd / && TMPDIR=$public/tmp as_nobody "$public/x/scripts/mkinitramfs" --kernel "$release" \
		--modules "$public/x/$release" --manifest "$public/x/small" -o "$public/tmp/other.cpio")
	cmp "$out" "$public/tmp/other.cpio"
	# Nothing is left behind.
	[ "$(ls -A "$public/tmp")" = other.cpio ]
}

@test "mkinitramfs: an archive that cpio reads, owned by root, of the time that was asked for" {
	SOURCE_DATE_EPOCH=86400 "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" \
		--manifest "$BATS_TEST_TMPDIR/small" -o "$out"
	run cpio -itvn --quiet <"$out"
	[ "$status" = 0 ]
	[ "$(printf '%s\n' "$output" | awk '$3 != 0 || $4 != 0' | wc -l)" = 0 ]
	[ "$(printf '%s\n' "$output" | grep -vc 'Jan  2  1970')" = 0 ]
	[ "$(printf '%s\n' "$output" | awk '{ print $NF }' | grep -v '^lib' | paste -sd' ')" = \
		"dev etc etc/layerboot etc/layerboot/manifest init proc run shutdown-root shutdown-root/dev shutdown-root/oldroot shutdown-root/proc shutdown-root/run shutdown-root/sys sys" ]
	unpack "$out" "$BATS_TEST_TMPDIR/x"
	cmp "$BATS_TEST_TMPDIR/x/init" "$root/build/layerboot"
	cmp "$BATS_TEST_TMPDIR/x/etc/layerboot/manifest" "$BATS_TEST_TMPDIR/small"
}

@test "mkinitramfs: only the file systems that the manifest can meet" {
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest "$BATS_TEST_TMPDIR/small" --list
	[ "$status" = 0 ]
	contains "squashfs"
	[[ $output != *btrfs* && $output != *xfs.ko* && $output != *erofs* ]]
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --list
	[ "$status" = 0 ]
	for fs in squashfs erofs ext4 xfs btrfs isofs; do contains "$fs"; done
}

@test "mkinitramfs: libkmod finds the modules through the indexes, with all they need" {
	kernel generic
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" -o "$out"
	unpack "$out" "$BATS_TEST_TMPDIR/x"
	for module in overlay virtio_pci virtio_mmio virtio_blk virtio_scsi sd_mod nvme squashfs erofs ext4 xfs btrfs isofs \
		virtio:d00000002v00001AF4 fs-ext4 pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00; do
		run modprobe -d "$BATS_TEST_TMPDIR/x" -S "$release" -C /nonexistent --show-depends "$module"
		echo "$module: $output"
		[ "$status" = 0 ]
		[[ ${output,,} != *warning* && ${output,,} != *error* && ${output,,} != *fail* ]]
		while read -r _ file _; do [ -s "$file" ]; done < <(grep '^insmod' <<<"$output")
	done
	# libcrc32c asks the kernel for crc32c at run time, when no modprobe is there.
	run modprobe -d "$BATS_TEST_TMPDIR/x" -S "$release" -C /nonexistent --show-depends xfs
	contains crc32c_generic
}

@test "mkinitramfs: compressed modules are stored unpacked, byte for byte, with their signature" {
	kernel 6.12-cloud
	"$scripts/mkinitramfs" --kernel-image "$kernel/boot/vmlinuz-$release" --modules "$kernel" -o "$out"
	unpack "$out" "$BATS_TEST_TMPDIR/x"
	[ -z "$(find "$BATS_TEST_TMPDIR/x" -name '*.ko.*')" ]
	xz -dc "$kernel/lib/modules/$release/kernel/fs/overlayfs/overlay.ko.xz" |
		cmp - "$BATS_TEST_TMPDIR/x/lib/modules/$release/overlay.ko"
	tail -c 28 "$BATS_TEST_TMPDIR/x/lib/modules/$release/overlay.ko" | grep -q 'Module signature appended'
	# virtio_pci is built in there.
	[ -z "$(find "$BATS_TEST_TMPDIR/x" -name 'virtio_pci.ko')" ]
}

@test "mkinitramfs: xz and zst modules, and a tree without indexes" {
	tree_of_archive
	find "$BATS_TEST_TMPDIR/k" -name "virtio*.ko" -exec xz -0 {} +
	find "$BATS_TEST_TMPDIR/k" -name overlay.ko -exec zstd -q --rm {} \;
	"$scripts/mkinitramfs" --kernel "$release" --modules "$BATS_TEST_TMPDIR/k" -o "$out.2"
	cmp "$out" "$out.2"
	[ ! -e "$BATS_TEST_TMPDIR/k/lib/modules/$release/modules.dep" ]
}

@test "mkinitramfs: trees as Debian, Ubuntu and Fedora lay them out give the same bytes" {
	tree_of_archive
	cd "$BATS_TEST_TMPDIR"
	mkdir -p debian/boot debian/lib ubuntu/boot ubuntu/lib fedora/usr/lib
	cp -r k/lib/modules debian/lib/
	cp -r k/lib/modules ubuntu/lib/
	cp -r k/lib/modules fedora/usr/lib/
	find ubuntu -name '*.ko' -exec zstd -q --rm {} +
	find fedora -name '*.ko' -exec xz -0 --check=crc32 {} +
	cp "$kernel/boot/vmlinuz-$release" debian/boot/
	cp "$kernel/boot/config-$release" debian/boot/
	cp "$kernel/boot/vmlinuz-$release" "fedora/usr/lib/modules/$release/vmlinuz"
	cp "$kernel/boot/config-$release" "fedora/usr/lib/modules/$release/config"
	ln -s /nowhere "fedora/usr/lib/modules/$release/build"
	for layout in debian ubuntu fedora; do
		"$scripts/mkinitramfs" --modules $layout -o $layout.cpio
		cmp "$out" $layout.cpio
	done
	"$scripts/mkinitramfs" --kernel-image "fedora/usr/lib/modules/$release/vmlinuz" --modules fedora -o image.cpio
	cmp "$out" image.cpio
	# The modules alone, as a layer.
	"$scripts/mkinitramfs" --modules fedora --modules-layer modules.img
	unsquashfs -lln modules.img >list
	[ "$(grep -c '\.ko\.xz$' list)" = "$(find fedora -name '*.ko.xz' | wc -l)" ]
	grep -q "root/usr/lib/modules/$release/modules.dep.bin$" list
	run grep /build list
	[ "$status" = 1 ]
}

@test "mkinitramfs: --compress, if the kernel can read it" {
	cd "$BATS_TEST_TMPDIR"
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest small -o plain.cpio
	for how in none auto lz4 zstd; do
		"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest small --compress $how -o $how.cpio
	done
	cmp plain.cpio none.cpio
	cmp plain.cpio auto.cpio
	cmp plain.cpio <(zstd -dcq zstd.cpio)
	cmp plain.cpio <(lz4 -dcq lz4.cpio)
	mkdir -p k/lib k/boot
	cp -r "$kernel/lib/modules" k/lib/
	grep -v CONFIG_RD_ZSTD "$kernel/boot/config-$release" >"k/boot/config-$release"
	run "$scripts/mkinitramfs" --kernel "$release" --modules k --compress zstd -o no.cpio
	[ "$status" = 1 ]
	contains "kernel $release cannot read an initramfs that is compressed with zstd"
	[ ! -e no.cpio ]
	run "$scripts/mkinitramfs" --kernel "$release" --modules k --compress gzip -o no.cpio
	[ "$status" = 2 ]
}

@test "mkinitramfs: gz modules" {
	tree_of_archive
	depmod -b "$BATS_TEST_TMPDIR/k" "$release"
	find "$BATS_TEST_TMPDIR/k" -name "*.ko" -exec touch {} + -exec gzip -n {} +
	sed -i "s/\.ko/.ko.gz/g" "$BATS_TEST_TMPDIR/k/lib/modules/$release/modules.dep"
	"$scripts/mkinitramfs" --kernel "$release" --modules "$BATS_TEST_TMPDIR/k" -o "$out.2"
	cmp "$out" "$out.2"
}

@test "mkinitramfs: a kernel without overlay is refused, and so is one without virtio_blk" {
	tree_of_archive
	mv "$(find "$BATS_TEST_TMPDIR/k" -name overlay.ko)" "$BATS_TEST_TMPDIR/"
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$BATS_TEST_TMPDIR/k" -o "$out.2"
	[ "$status" = 1 ]
	contains "mkinitramfs: error: kernel $release has no overlay, neither as a module nor built in"
	[ ! -e "$out.2" ]
	mv "$BATS_TEST_TMPDIR/overlay.ko" "$BATS_TEST_TMPDIR/k/lib/modules/$release/"
	rm "$(find "$BATS_TEST_TMPDIR/k" -name virtio_blk.ko)"
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$BATS_TEST_TMPDIR/k" -o "$out.2"
	[ "$status" = 1 ]
	contains "has no virtio_blk"
}

@test "mkinitramfs: --omit-module leaves out even what is needed; --set and --module add" {
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest "$BATS_TEST_TMPDIR/small" \
		--omit-module overlay --set fs-vfat --module xxhash_generic -o "$out"
	run cpio -it --quiet <"$out"
	[[ $output != *overlay.ko* ]]
	contains vfat.ko
	contains fat.ko
	contains nls_cp437.ko
	contains xxhash_generic.ko
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --set nonsense --list
	[ "$status" = 1 ]
	contains "no set 'nonsense'"
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --module nonsense --list
	[ "$status" = 1 ]
	contains "has no nonsense"
}

# An init that only says what it needs.
init_needs() { # LINE...
	printf '#!/bin/sh\ncat <<END\n%s\nEND\n' "$(printf '%s\n' "$@")" >"$BATS_TEST_TMPDIR/init"
	chmod 755 "$BATS_TEST_TMPDIR/init"
}

# run_in ROOT COMMAND...: with nothing but what the archive holds. Without root's rights in a name space of its own.
run_in() {
	if [ "$(id -u)" = 0 ]; then chroot "$@"; else unshare -r chroot "$@"; fi
}

@test "mkinitramfs: a program runs with what was put in beside it, under another name and place" {
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest "$BATS_TEST_TMPDIR/small" \
		--program /sbin/mkfs.ext4=mke2fs --program e2fsck --program=/opt/mkfs.xfs=mkfs.xfs -o "$out"
	unpack "$out" "$BATS_TEST_TMPDIR/x"
	truncate -s 4M "$BATS_TEST_TMPDIR/x/image"
	run run_in "$BATS_TEST_TMPDIR/x" /sbin/mkfs.ext4 -q /image
	echo "$output"
	[ "$status" = 0 ]
	[ "$(blkid -p -o value -s TYPE "$BATS_TEST_TMPDIR/x/image")" = ext4 ]
	run run_in "$BATS_TEST_TMPDIR/x" /sbin/e2fsck -fn /image
	echo "$output"
	[ "$status" = 0 ]
	run run_in "$BATS_TEST_TMPDIR/x" /opt/mkfs.xfs -V
	echo "$output"
	[ "$status" = 0 ]
}

@test "mkinitramfs: mkfs.ext4 makes the same features without /etc/mke2fs.conf" {
	cd "$BATS_TEST_TMPDIR"
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --program /sbin/mkfs.ext4=mke2fs -o "$out"
	unpack "$out" x
	truncate -s 64M here x/there
	mkfs.ext4 -q here
	run_in x /sbin/mkfs.ext4 -q /there
	features() { dumpe2fs -h "$1" 2>/dev/null | grep -E '^(Filesystem features|Default mount|Block size|Inode size|Inode count)'; }
	[ -n "$(features here)" ]
	[ "$(features here)" = "$(features x/there)" ]
}

@test "mkinitramfs: programs have the same bytes from another user mask, and their rights" {
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --program mke2fs --with-unionfs -o "$out"
	sleep 1
	(umask 077 && cd / && LD_LIBRARY_PATH=/nonexistent \
		"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --program mke2fs --with-unionfs -o "$out.2")
	cmp "$out" "$out.2"
	run cpio -itvn --quiet <"$out"
	matches '^-rwxr-xr-x +1 0 +0 .* sbin/unionfs$'
	matches '^-rwxr-xr-x +1 0 +0 .* lib/.*libfuse\.so\.2$'
	matches '^-rwxr-xr-x +1 0 +0 .* lib64/ld-linux-x86-64\.so\.2$'
	matches '^-rw-r--r-- +1 0 +0 .*/overlay\.ko$'
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --with-unionfs --list
	matches '^fuse +[0-9]+  union-unionfs '
	matches '^unionfs +[0-9]+  program +/sbin/unionfs: --with-unionfs'
	matches '^libfuse\.so\.2 +[0-9]+  library .*/sbin/unionfs needs it'
	# In the fallback, unionfs-fuse is the only name there is.
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$(type -P unionfs)" "$BATS_TEST_TMPDIR/bin/unionfs-fuse"
	while IFS= read -r tool; do ln -s "$(type -P "$tool")" "$BATS_TEST_TMPDIR/bin/"; done < <(
		printf '%s\n' awk bash cat chmod cmp cp depmod dirname env find grep head mkdir mktemp mv od readelf readlink realpath rm sed sort stat tail tr uname
	)
	PATH=$BATS_TEST_TMPDIR/bin "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --program mke2fs --with-unionfs -o "$out.3"
	[ "$(cpio -it --quiet <"$out.3" | sort)" = "$(cpio -it --quiet <"$out" | sort)" ]
}

@test "mkinitramfs: the lines of plan --needs bring programs and modules by themselves" {
	init_needs "fs ext4" "fs vfat" "union unionfs" image cdrom "program unionfs" "program mkfs.ext4" "program e2fsck"
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --init "$BATS_TEST_TMPDIR/init" -o "$out"
	run cpio -it --quiet <"$out"
	for file in sbin/unionfs sbin/mkfs.ext4 sbin/e2fsck fuse.ko vfat.ko loop.ko; do contains "$file"; done
	# A kernel without aufs is no reason to refuse: the init says so itself.
	init_needs "union aufs"
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --init "$BATS_TEST_TMPDIR/init" --fw-cfg --list
	[ "$status" = 0 ]
	matches '^aufs +absent'
	contains qemu_fw_cfg
	[[ $output != *overlay* ]]
}

@test "mkinitramfs: a static program comes alone" {
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --program "/sbin/static=$root/build/layerboot" -o "$out"
	[ "$(cpio -it --quiet <"$out" | grep -v '^lib/modules\|^dev\|^etc\|^proc\|^run\|^shutdown-root\|^sys$' | paste -sd' ')" = "init lib sbin sbin/static" ]
}

@test "mkinitramfs: a program that cannot be put in is refused, with what to do" {
	mki() { run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" "$@" -o "$out"; }
	mki --program no-such-program
	[ "$status" = 1 ]
	contains "no program no-such-program on this machine; name its file"
	init_needs "program mkfs.ext9" "program e2fsck"
	mki --init "$BATS_TEST_TMPDIR/init"
	[ "$status" = 1 ]
	contains "install the package e2fsprogs"
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/script" && chmod 755 "$BATS_TEST_TMPDIR/script"
	mki --program "$BATS_TEST_TMPDIR/script"
	[ "$status" = 1 ]
	contains "is no ELF program"
	for place in sbin/x /sbin/../init /init /dev/x /lib/modules/x "/a b"; do
		mki --program "$place=mke2fs"
		echo "$place: $output"
		[ "$status" = 1 ]
		contains "a program cannot go to"
	done
	mki --program /sbin/x=mke2fs --program /sbin/x=e2fsck
	[ "$status" = 1 ]
	contains "/sbin/x is asked for twice"
	# A library that the linker finds by its cache or environment only is none in the initramfs.
	cp "$(type -P unionfs)" "$BATS_TEST_TMPDIR/broken"
	sed -i 's/libfuse\.so\.2/libfuze.so.2/g' "$BATS_TEST_TMPDIR/broken"
	mki --program "$BATS_TEST_TMPDIR/broken"
	[ "$status" = 1 ]
	contains "libfuze.so.2"
	mki --program
	[ "$status" = 2 ]
	[ ! -e "$out" ]
}

@test "mkinitramfs: a wrong manifest, kernel or init is refused before anything is written" {
	printf 'version = 1\nnonsense = 1\n' >"$BATS_TEST_TMPDIR/wrong"
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest "$BATS_TEST_TMPDIR/wrong" -o "$out"
	[ "$status" = 1 ]
	contains "$BATS_TEST_TMPDIR/wrong"
	run "$scripts/mkinitramfs" --kernel 1.2.3 --modules "$kernel" -o "$out"
	[ "$status" = 1 ]
	contains "no modules of kernel 1.2.3"
	run "$scripts/mkinitramfs" --kernel-image "$root/build/layerboot" --modules "$kernel" -o "$out"
	[ "$status" = 1 ]
	contains "no bzImage"
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --init /nonexistent -o "$out"
	[ "$status" = 1 ]
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel"
	[ "$status" = 2 ]
	[ ! -e "$out" ]
	[ -z "$(find "$BATS_TEST_TMPDIR" -name '.initramfs*')" ]
}

@test "mkinitramfs: what a boot loads is printed, as plan --modules says it, and what would need less" {
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest "$BATS_TEST_TMPDIR/small" -o "$out"
	[ "$status" = 0 ]
	matches "^  squashfs +$(stat -c %s "$kernel/lib/modules/$release/kernel/fs/squashfs/squashfs.ko")  RSA SHA-256 +squashfs$"
	contains "  8 modules, "
	contains "ext4 is built into this kernel: 1 module less"
	contains "nvme is built into this kernel: 6 modules less with disks on NVMe"
	printed=$(grep '^  ' <<<"$output" | sed 's/^  //')
	run "$root/build/layerboot" plan --manifest "$BATS_TEST_TMPDIR/small" --modules "$kernel/lib/modules/$release"
	[ "$output" = "$printed" ]
	sed -i 's/squashfs/ext4/' "$BATS_TEST_TMPDIR/small"
	run "$root/build/layerboot" plan --bus nvme --manifest "$BATS_TEST_TMPDIR/small" --modules "$kernel/lib/modules/$release"
	contains "1 module, "
	[[ $output != *less* ]]
	run "$root/build/layerboot" plan --modules /nonexistent
	[ "$status" = 2 ]
}

@test "mkinitramfs: --omit-set leaves a bus out and says so; with types named a cloud kernel's fits in 1.5 MB" {
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest "$BATS_TEST_TMPDIR/small" --omit-set scsi -o "$out"
	[ "$status" = 0 ]
	contains "Left out, as asked: scsi"
	[ "$(stat -c %s "$out")" -le 1500000 ]
	run cpio -it --quiet --file="$out"
	[[ $output != *scsi* ]]
	contains virtio_blk
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --omit-set fs-xfs -o "$out"
	[ "$status" = 2 ]
	contains "these do: bus scsi nvme"
}
