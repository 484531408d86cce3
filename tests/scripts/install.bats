#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables of common.bash
# make install: what is installed runs from there; the manual pages say all; new kernels get their initramfs.

setup_file() {
	load common
	export tree=$BATS_FILE_TMPDIR/tree
	make -s -C "$root" man install DESTDIR="$tree" PREFIX=/usr >&2
}

setup() {
	load common
	PATH=$tree/usr/bin:$PATH
	cd "$BATS_TEST_TMPDIR" || return 1
}

rendered() { # PAGE
	mandoc -T utf8 "$tree"/usr/share/man/man?/"$1" | col -bx
}

@test "install: the scripts find what they need, from wherever they are called" {
	[ "$(find "$tree" -type f -perm /022)" = "" ]
	[ "$(type -P layerboot-mklayer)" = "$tree/usr/bin/layerboot-mklayer" ]
	for command in mklayer mkinitramfs mksystem sign-manifest run-vm boot-chart get-kernel; do
		run "layerboot-$command" --help
		[ "$status" = 0 ]
		[[ $output != *scripts/mk* && ${output%%$'\n'*} == usage:* ]]
	done
	run layerboot-mklayer --help
	[ "${lines[0]}" = "usage: layerboot-mklayer DIR -o FILE [OPTION]..." ]
	mkdir user
	echo x >user/file
	layerboot-mklayer user -o user.img
	unsquashfs -cat user.img file
	kernel cloud
	layerboot-mkinitramfs --kernel "$release" --modules "$kernel" -o out.cpio
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" -o same.cpio
	cmp out.cpio same.cpio
	run layerboot-mklayer user
	[ "$status" = 2 ]
	contains "Try 'layerboot-mklayer --help'."
}

@test "install: no file of it names the place where it was built" {
	run grep -rlF "$root" "$tree"
	[ "$status" = 1 ]
}

@test "manual pages: mandoc finds nothing wrong" {
	run mandoc -T lint -W warning "$tree"/usr/share/man/man?/*
	[ "$output" = "" ]
	for page in "$tree"/usr/share/man/man?/*; do
		man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>complaints >/dev/null
		[ ! -s complaints ]
	done
}

@test "manual pages: every option of --help stands in its page" {
	for command in mklayer mkinitramfs mksystem sign-manifest run-vm boot-chart get-kernel; do
		rendered layerboot-$command.1 >page
		layerboot-$command --help | grep -oE -- '(^|[ ,(|[])--?[a-zA-Z][a-z-]*' | grep -oE -- '--?[a-zA-Z].*' | sort -u >options
		[ "$(wc -l <options)" -ge 3 ]
		while read -r option; do
			grep -qF -- "$option" page || { echo "$command: $option"; return 1; }
		done <options
	done
	rendered layerboot.8 >page
	for command in plan check identity status which diff grow; do
		layerboot $command --help | grep -oE -- '  --[a-z-]*' | while read -r option; do
			grep -qF -- "$option" page || { echo "$command: $option"; return 1; }
		done
	done
}

@test "manual pages: every key of the manifest, every parameter and every failure word" {
	rendered layerboot.manifest.5 >page
	sed -n 's/^\t{ SECTION_[A-Z]*, "\([a-z-]*\)",.*/\1/p' "$root"/src/manifest_keys.c | sort -u >keys
	[ "$(wc -l <keys)" -ge 25 ]
	while read -r key; do
		grep -qE "^ {5}([a-z-]+, )*$key(,| |$)" page || { echo "$key"; return 1; }
	done <keys
	rendered layerboot.8 >page
	{
		sed -n 's/^\t{ "\([a-z-]*\)", set_.*/layerboot.\1/p' "$root/src/cmdline.c"
		sed -n 's/.*{ "\([a-z0-9-]*\)",.*/\1/p' "$root/src/failure.c" | grep -vx none
	} >words
	[ "$(wc -l <words)" -ge 40 ]
	while read -r word; do
		grep -qF "     $word" page || { echo "$word"; return 1; }
	done <words
}

@test "completion: commands, options and words" {
	# shellcheck source=/dev/null
	. "$tree/usr/share/bash-completion/completions/layerboot-mklayer"
	complete_words() { # WORD...
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		_layerboot "$1"
		echo "${COMPREPLY[*]}"
	}
	[ "$(complete_words layerboot st)" = status ]
	[ "$(complete_words layerboot-mklayer --ba)" = --base ]
	[ "$(complete_words layerboot-mklayer --type er)" = erofs ]
	[ "$(complete_words layerboot check --kernel-i)" = --kernel-image ]
	touch system.img
	[ "$(complete_words layerboot plan system=sys)" = system.img ]
}

@test "hooks: a new kernel gets its initramfs, and it goes with the kernel" {
	kernel cloud
	mkdir boot etc
	export LAYERBOOT_ETC=$PWD/etc LAYERBOOT_MODULES=$kernel
	hook=$tree/etc/kernel/postinst.d/zz-layerboot
	# Not asked for: nothing.
	"$hook" "$release" "$PWD/boot/vmlinuz-$release"
	[ -z "$(ls boot)" ]
	printf 'version = 1\n[layer system]\nsource = SERIAL=system\ntype = squashfs\n' >etc/manifest
	printf '# a comment\n--set\nsata\n' >etc/mkinitramfs.options
	"$hook" "$release" "$PWD/boot/vmlinuz-$release"
	"$scripts/mkinitramfs" --kernel "$release" --modules "$kernel" --manifest etc/manifest --set sata -o same.cpio
	cmp same.cpio "boot/layerboot-$release.cpio"
	# kernel-install does the same, if it is told to.
	mkdir staging
	plugin=$tree/usr/lib/kernel/install.d/55-layerboot.install
	KERNEL_INSTALL_STAGING_AREA=$PWD/staging "$plugin" add "$release" "$PWD/entry"
	[ -z "$(ls staging)" ]
	KERNEL_INSTALL_INITRD_GENERATOR=layerboot KERNEL_INSTALL_STAGING_AREA=$PWD/staging "$plugin" add "$release" "$PWD/entry"
	cmp same.cpio staging/initrd
	KERNEL_INSTALL_INITRD_GENERATOR=layerboot "$plugin" remove "$release"
	# One that fails fails the installation of the kernel.
	echo nonsense >>etc/manifest
	run "$hook" "$release" "$PWD/boot/vmlinuz-$release"
	[ "$status" = 1 ]
	cmp same.cpio "boot/layerboot-$release.cpio"
	"$tree/etc/kernel/postrm.d/zz-layerboot" "$release" "$PWD/boot/vmlinuz-$release"
	[ -z "$(ls boot)" ]
}
