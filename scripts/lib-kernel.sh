# shellcheck shell=bash
# What kernel images and programs say of themselves. Sourced after lib.sh.

# hex_at FILE OFFSET COUNT: bytes, in hexadecimal.
hex_at() {
	od -An -v -tx1 -j "$2" -N "$3" -- "$1" | tr -d ' \n'
}

# image_machine FILE: the architecture of a kernel image, as uname -m names it. 64-bit x86 is bit 0 of xloadflags
# (Documentation/arch/x86/boot.rst); arm64's magic is at 56 (Documentation/arch/arm64/booting.rst).
image_machine() {
	[ -r "$1" ] || die "cannot read the kernel image $1; check the name"
	if [ "$(hex_at "$1" 514 4)" = 48647253 ]; then
		((0x$(hex_at "$1" 566 1) & 1)) && echo x86_64 || echo i686
	elif [ "$(hex_at "$1" 56 4)" = 41524d64 ]; then
		echo aarch64
	else
		die "$1 is no bzImage and no Image of arm64; give the file that is called vmlinuz, or name the release with --kernel"
	fi
}

# image_release FILE: of a bzImage, the string at 0x200 plus the 16-bit number at 0x20e; an Image of arm64 says it only
# in the kernel's own banner.
image_release() {
	local offset
	case $(image_machine "$1") in
	aarch64)
		grep -aom1 -E 'Linux version [^ ]+' -- "$1" | sed -n '1s/.* //p' || true
		;;
	?*)
		offset=$(od -An -tu2 --endian=little -j 526 -N 2 -- "$1")
		head -c $((offset + 512 + 256)) -- "$1" | tail -c 256 | tr '\0' '\n' | sed -n '1{s/ .*//;p}'
		;;
	esac
}

# elf_machine FILE: the architecture of a program, as uname -m names it; nothing for what is no ELF program.
elf_machine() {
	[ "$(hex_at "$1" 0 4)" = 7f454c46 ] || return 0
	case $(hex_at "$1" 18 2) in
	0300) echo i686 ;;
	3e00) echo x86_64 ;;
	b700) echo aarch64 ;;
	*) echo unknown ;;
	esac
}
