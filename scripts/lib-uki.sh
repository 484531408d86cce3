# shellcheck shell=bash disable=SC2154 # the variables of lib.sh and of the script
# A unified kernel image: systemd's stub, which is an EFI program, with the kernel, the initramfs and the command line as
# sections of it (UAPI.5, the Unified Kernel Image specification). Sourced by mkinitramfs after lib.sh and lib-kernel.sh.

# find_stub ARCH: the stub of this machine, or the one that --uki-stub named.
find_stub() {
	local name file
	case $1 in
	x86_64) name=linuxx64.efi.stub ;;
	aarch64) name=linuxaa64.efi.stub ;;
	*) die "systemd has no stub for $1" ;;
	esac
	file=${uki_stub:-/usr/lib/systemd/boot/efi/$name}
	[ -r "$file" ] || die "there is no stub $file; install the package systemd-boot-efi, or name the file with --uki-stub FILE"
	[ "$(hex_at "$file" 0 2)" = 4d5a ] || die "$file is no EFI program; name systemd's $name with --uki-stub"
	echo "$file"
}

# pe_next FILE: the first address behind the last section of a PE image. Section headers are 40 bytes, behind the optional
# header; virtual size and address stand at 8 and 12 of each (PE format, "Section Table").
pe_next() {
	local pe count optional table i end=0 size start
	pe=$((0x$(bytes_reversed "$1" 60 4)))
	count=$((0x$(bytes_reversed "$1" $((pe + 6)) 2)))
	optional=$((0x$(bytes_reversed "$1" $((pe + 20)) 2)))
	table=$((pe + 24 + optional))
	for ((i = 0; i < count; i++)); do
		size=$((0x$(bytes_reversed "$1" $((table + i * 40 + 8)) 4)))
		start=$((0x$(bytes_reversed "$1" $((table + i * 40 + 12)) 4)))
		((start + size <= end)) || end=$((start + size))
	done
	echo "$end"
}

# bytes_reversed FILE OFFSET COUNT: a little-endian number, in hexadecimal.
bytes_reversed() {
	hex_at "$1" "$2" "$3" | sed 's/../& /g' | tr ' ' '\n' | tac | tr -d '\n'
}

# write_uki KERNEL INITRAMFS OUT: sections one behind the other from the end of the stub's own, each at a whole page, as
# the firmware loads them. The kernel comes last: it may be unpacked in its place and grow over what follows it.
write_uki() {
	local kernel=$1 initramfs=$2 out=$3 stub base address name file command=()
	stub=$(find_stub "$arch")
	need_tool objcopy binutils
	printf '%s' "$uki_cmdline" >"$scratch/uki.cmdline"
	printf '%s' "$release" >"$scratch/uki.uname"
	printf 'ID=layerboot\nNAME=layerboot\nPRETTY_NAME="layerboot, Linux %s"\nVERSION_ID=%s\n' "$release" "$release" >"$scratch/uki.osrel"
	# ImageBase stands at 24 of the optional header of PE32+, which is at 24 of the header; objcopy counts from it.
	base=$((0x$(bytes_reversed "$stub" $((0x$(bytes_reversed "$stub" 60 4) + 48)) 8)))
	address=$(pe_next "$stub")
	for name in osrel cmdline uname initrd linux; do
		file=$scratch/uki.$name
		[ $name != initrd ] || file=$initramfs
		[ $name != linux ] || file=$kernel
		address=$(((address + 4095) / 4096 * 4096))
		command+=(--add-section ".$name=$file" --change-section-vma ".$name=$((base + address))")
		address=$((address + $(stat -Lc %s -- "$file")))
	done
	objcopy "${command[@]}" "$stub" "$out" ||
		die "objcopy cannot add the sections to $stub; see above"
	# objcopy writes the time of now into the header, at 8, and a checksum over it at 88, which no firmware asks of a program.
	patch "$out" 8 "$(printf '%08x' "$epoch" | sed -E 's/(..)(..)(..)(..)/\\x\4\\x\3\\x\2\\x\1/')"
	patch "$out" 88 '\0\0\0\0'
}

# patch FILE OFFSET ESCAPES: bytes of the PE header.
patch() {
	printf '%b' "$3" | dd of="$1" bs=1 seek=$((0x$(bytes_reversed "$1" 60 4) + $2)) conv=notrunc status=none
}
