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
	cp "$scripts"/mkinitramfs "$scripts"/lib.sh "$public/x/scripts/"
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
		"dev etc etc/layerboot etc/layerboot/manifest init proc run sys" ]
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
		cmp - "$BATS_TEST_TMPDIR/x/lib/modules/$release/kernel/fs/overlayfs/overlay.ko"
	tail -c 28 "$BATS_TEST_TMPDIR/x/lib/modules/$release/kernel/fs/overlayfs/overlay.ko" | grep -q 'Module signature appended'
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
	mv "$BATS_TEST_TMPDIR/overlay.ko" "$BATS_TEST_TMPDIR/k/lib/modules/$release/kernel/"
	rm "$(find "$BATS_TEST_TMPDIR/k" -name virtio_blk.ko)"
	run "$scripts/mkinitramfs" --kernel "$release" --modules "$BATS_TEST_TMPDIR/k" -o "$out.2"
	[ "$status" = 1 ]
	contains "has no virtio_blk"
}

@test "mkinitramfs: --omit-module leaves out even what is needed; --set and --module add" {
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest "$BATS_TEST_TMPDIR/small" \
		--omit-module overlay --set vfat --module xxhash_generic -o "$out"
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
