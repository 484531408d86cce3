#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables of common.bash
# scripts/get-kernel: a kernel that is there costs nothing.

setup() {
	load common
}

@test "get-kernel: a kernel with modules and their indexes" {
	kernel cloud
	[ -s "$kernel/boot/vmlinuz-$release" ]
	[ -s "$kernel/lib/modules/$release/modules.dep.bin" ]
	run "$scripts/mkinitramfs" --kernel-image "$kernel/boot/vmlinuz-$release" --modules "$kernel" --list
	[ "$status" = 0 ]
	contains overlay
}

@test "get-kernel: the second call asks nobody and takes no time" {
	kernel cloud
	mkdir "$BATS_TEST_TMPDIR/scripts"
	cp "$scripts/get-kernel" "$scripts/lib.sh" "$BATS_TEST_TMPDIR/scripts/" # and no apt-private beside it
	start=$(date +%s%N)
	run "$BATS_TEST_TMPDIR/scripts/get-kernel" cloud --out "$kernel"
	took=$((($(date +%s%N) - start) / 1000000))
	[ "$status" = 0 ]
	[ "$output" = "$release" ]
	[ $took -lt 2000 ]
}

@test "get-kernel: a half-removed kernel is not taken for a whole one" {
	kernel cloud
	mkdir -p "$BATS_TEST_TMPDIR/scripts" "$BATS_TEST_TMPDIR/k/boot" "$BATS_TEST_TMPDIR/k/lib/modules/$release"
	cp "$scripts/get-kernel" "$scripts/lib.sh" "$BATS_TEST_TMPDIR/scripts/"
	cp "$kernel"/.kernel-* "$BATS_TEST_TMPDIR/k/"
	: >"$BATS_TEST_TMPDIR/k/boot/vmlinuz-$release"
	run "$BATS_TEST_TMPDIR/scripts/get-kernel" cloud --out "$BATS_TEST_TMPDIR/k"
	[ "$status" = 1 ] # it would have to fetch, and there is no apt-private
	contains "get-kernel: error: cannot download"
}

@test "get-kernel: usage errors end with 2" {
	run "$scripts/get-kernel" cloud
	[ "$status" = 2 ]
	contains "--out"
	run "$scripts/get-kernel" '../evil' --out "$BATS_TEST_TMPDIR/k"
	[ "$status" = 2 ]
}
