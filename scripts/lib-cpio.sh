# shellcheck shell=bash disable=SC2154 # the variables of lib.sh and of the script
# Writes the archive, and the list of what is in it. Sourced by mkinitramfs after lib.sh.

# cpio_entry MODE NAME [FILE]: one member of a newc archive. Written here and not by cpio(1), because then nothing
# of the build's file system (inode numbers, link counts, owners, modes, order) can get into the archive.
inode=0
cpio_entry() {
	local mode=$1 name=$2 file=${3:-} size=0 links=1
	inode=$((inode + 1))
	[ -z "$file" ] || size=$(stat -Lc %s -- "$file")
	[ "${mode:0:3}" != 004 ] || links=2
	printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' \
		$inode $((mode)) 0 0 $links "$epoch" "$size" 0 0 0 0 $((${#name} + 1)) 0 "$name"
	pad $((110 + ${#name} + 1)) 4
	[ -z "$file" ] || cat -- "$file"
	pad "$size" 4
}

# pad LENGTH UNIT: zeros up to the next multiple of UNIT.
pad() {
	local n=$((($2 - $1 % $2) % $2))
	[ $n = 0 ] || head -c $n /dev/zero
}

write_archive() {
	local name mode fw_cfg=''
	[[ " ${sets[*]} " != *' fw_cfg '* ]] || fw_cfg=yes
	cpio_entry 0040755 dev
	if [ -n "$manifest$policy$fw_cfg" ] || [ ${#keys[@]} -gt 0 ]; then
		cpio_entry 0040755 etc
		cpio_entry 0040755 etc/layerboot
		# The init looks there because of this, and not because the module is there: it may be missing.
		[ -z "$fw_cfg" ] || cpio_entry 0100644 etc/layerboot/fw_cfg
		[ ${#keys[@]} = 0 ] || cpio_entry 0100644 etc/layerboot/keys "$scratch/keys"
		[ -z "$manifest" ] || cpio_entry 0100644 etc/layerboot/manifest "$manifest"
		[ -z "$policy" ] || cpio_entry 0100644 etc/layerboot/policy "$policy"
	fi
	cpio_entry 0100755 init "$init"
	while IFS= read -r name; do
		if [ -d "$scratch/root/$name" ]; then
			cpio_entry 0040755 "$name"
		else
			mode=0100755
			[[ $name != lib/modules/* ]] || mode=0100644
			cpio_entry $mode "$name" "$scratch/root/$name"
		fi
	done < <(cd -- "$scratch/root" && find . -mindepth 1 | sed 's/^\.\///' | sort)
	cpio_entry 0040755 proc
	cpio_entry 0040755 run
	# What the shutdown comes back to: src/shutdown_root.c.
	for name in shutdown-root shutdown-root/{dev,oldroot,proc,run,sys}; do
		cpio_entry 0040755 "$name"
	done
	cpio_entry 0040755 sys
	epoch=0 cpio_entry 0 'TRAILER!!!'
}

print_list() {
	local kind name path set reason size total=0 rest=0 file
	printf '%-18s %9s  %-14s %s\n' MODULE BYTES SET REASON
	while IFS=$'\t' read -r kind name path set reason; do
		case $kind in
		file)
			path=${path##*/}
			size=$(stat -c %s -- "$dest/${path%.ko*}.ko")
			total=$((total + size))
			;;
		builtin) size=built-in ;;
		omitted) size=left-out ;;
		*) size=absent ;;
		esac
		printf '%-18s %9s  %-14s %s\n' "$name" "$size" "$set" "$reason"
	done < <(sed 's/\t\t/\t-\t/' "$scratch/selected")
	while IFS=$'\t' read -r kind path reason; do
		size=$(stat -c %s -- "$scratch/root$path")
		total=$((total + size))
		printf '%-18s %9s  %-14s %s\n' "${path##*/}" "$size" "$kind" "$path: $reason"
	done <"$scratch/programs"
	for file in "$dest"/modules.* "$init" ${manifest:+"$manifest"}; do
		size=$(stat -Lc %s -- "$file")
		[[ $file == "$dest"/* ]] && rest=$((rest + size)) || printf '%-18s %9s\n' "${file##*/}" "$size"
		total=$((total + size))
	done
	printf '%-18s %9s\n' 'module indexes' $rest
	printf '%-18s %9s\n' total $total
}

# kernel_config: prints the file with the configuration of the kernel, where the packages of a distribution put it.
kernel_config() {
	local file
	for file in "$modules/config" "${modules%/lib/modules/*}/boot/config-$release" "${modules%/usr/lib/modules/*}/boot/config-$release"; do
		if [ -r "$file" ]; then
			printf '%s\n' "$file"
			return
		fi
	done
}

# The kernel unpacks what it was built to unpack, and panics without a word of it otherwise.
check_compress() {
	local config
	case $compress in
	lz4) need_tool lz4 lz4 ;;
	zstd) need_tool zstd zstd ;;
	*) return 0 ;;
	esac
	config=$(kernel_config)
	[ -z "$config" ] || grep -qx "CONFIG_RD_${compress^^}=y" "$config" ||
		die "kernel $release cannot read an initramfs that is compressed with $compress ($config lacks CONFIG_RD_${compress^^}=y); use --compress none"
}

compress_auto() { cat; }
compress_none() { cat; }
# The kernel knows the legacy frame of lz4 alone.
compress_lz4() { lz4 -9 -l -q -c; }
compress_zstd() { zstd -15 -q -c; }
