#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables of common.bash
# Signed manifests: signify checks what the script makes, and layerboot takes what signify makes.

setup() {
	load common
	cd "$BATS_TEST_TMPDIR" || return 1
	layerboot=$root/build/layerboot
	"$scripts/sign-manifest" --generate release
	printf '%s\n' 'version = 1' 'domain = layerboot-manifest' 'set = fleet' 'set-version = 3' \
		'[layer a]' 'source = SERIAL=a' >manifest
	printf 'version = 1\nverify = none\n' >policy
}

check() { "$layerboot" check --policy policy "$@"; }

@test "sign-manifest: signify checks it, and layerboot takes it" {
	"$scripts/sign-manifest" --key release.sec manifest -o signed
	signify-openbsd -V -e -q -p release.pub -x signed -m out
	cmp manifest out
	"$scripts/sign-manifest" --verify release.pub signed
	check --key release.pub --manifest signed
}

@test "sign-manifest: what signify signs is taken, with one of several keys" {
	signify-openbsd -G -n -p other.pub -s other.sec
	signify-openbsd -S -e -s other.sec -m manifest -x signed
	run check --key release.pub --manifest signed
	[ "$status" = 1 ]
	contains 'error[manifest-signature]: it is signed by the key'
	cat release.pub other.pub >keys
	check --key keys --manifest signed
}

@test "sign-manifest: a byte that was changed, no signature, an old set" {
	"$scripts/sign-manifest" --key release.sec manifest -o signed
	sed 's/SERIAL=a/SERIAL=b/' signed >changed
	run check --key release.pub --manifest changed
	[ "$status" = 1 ]
	contains 'is of another text'
	run "$scripts/sign-manifest" --verify release.pub changed
	[ "$status" = 1 ]
	run check --key release.pub --manifest manifest
	[ "$status" = 1 ]
	contains 'manifest is not signed'
	echo 'minimum-version = 4' >>policy
	run check --key release.pub --manifest signed
	[ "$status" = 1 ]
	contains 'error[manifest-old]'
	# An initramfs without keys leaves the signature unread.
	"$layerboot" check --manifest signed
}

@test "sign-manifest: what a signature would not cover is refused, and keys are not overwritten" {
	grep -v '^set-version' manifest >lacking
	run "$scripts/sign-manifest" --key release.sec lacking -o signed
	[ "$status" = 1 ]
	contains "does not say 'set-version = N'"
	[ ! -e signed ]
	run "$scripts/sign-manifest" --generate release
	[ "$status" = 1 ]
	run check --key nowhere.pub --manifest manifest
	[ "$status" = 2 ]
}
