# shellcheck shell=bash disable=SC2154 # the variables of lib.sh and of the script
# Makes an image of $stage whose bytes depend on its content only. Sourced by mklayer after lib.sh.

# uuid_of WORD <DATA: a UUID (version 8) that depends on DATA and WORD only.
uuid_of() {
	local sum
	sum=$({
		printf '%s\n' "$1"
		cat
	} | sha256sum)
	printf '%s-%s-8%s-8%s-%s\n' "${sum:0:8}" "${sum:8:4}" "${sum:12:3}" "${sum:15:3}" "${sum:18:12}"
}

content_uuid() {
	tar -C "$stage" --sort=name --numeric-owner --format=posix --xattrs --xattrs-include='*' \
		--pax-option=exthdr.name=%d/%f,delete=atime,delete=ctime -cf - . | uuid_of "$type $label"
}

# The kernel keeps room for four blocks of each squashfs that it mounts, and for unpacking one: at 128 KiB more than half a
# megabyte, which it zeroes. What fits into a smaller block as a whole is packed there as well.
squashfs_block() {
	find "$stage" -type f -printf '%s\n' | awk '{ n += $1 } END { for (b = 4096; b < n && b < 131072;) b *= 2; print b }'
}

make_squashfs() {
	# zstd is in every Debian kernel since 4.19 and unpacks three times as fast as xz.
	SOURCE_DATE_EPOCH=$epoch mksquashfs "$stage" "$1" -noappend -quiet -no-progress -comp zstd -Xcompression-level 12 -no-recovery \
		-b "$(squashfs_block)"
}

make_erofs() {
	SOURCE_DATE_EPOCH=$epoch mkfs.erofs --quiet -zlz4hc -U "$(content_uuid)" "$1" "$stage"
}

# A read-only layer needs no journal, no room to grow and no lost+found. mke2fs copies the change and access times of
# the copy in the stage, which tell when this script ran: debugfs sets them.
make_ext4() {
	local uuid inodes blocks size try i fake=$((epoch > 0 ? epoch : 1))
	uuid=$(content_uuid)
	inodes=$(find "$stage" -mindepth 1 -printf '%i\n' | sort -u | wc -l)
	blocks=$(find "$stage" -printf '%y %s\n' | awk '{ n += $1 == "f" ? int(($2 + 4095) / 4096) : 1 } END { print n }')
	size=$((blocks * 33 / 32 + inodes / 14 + 256))
	for try in 1 2 3 4 5 6; do
		: >"$1"
		truncate -s $((size * 4096)) -- "$1"
		! E2FSPROGS_FAKE_TIME=$fake mke2fs -q -F -t ext4 -b 4096 -I 256 -m 0 -N $((inodes + 16)) \
			-O ^has_journal,^resize_inode -U "$uuid" ${label:+-L "$label"} \
			-E "hash_seed=$uuid,root_owner=0:0,lazy_itable_init=0" -d "$stage" "$1" 2>"$scratch/mke2fs" || break
		if [ $try = 6 ]; then
			cat -- "$scratch/mke2fs" >&2
			return 1
		fi
		size=$((size * 5 / 4))
	done
	{
		printf 'rmdir lost+found\nsif <2> mode 040755\n'
		for ((i = 11; i <= inodes + 11; i++)); do
			printf 'sif <%d> ctime @%d\nsif <%d> atime @%d\n' $((i == 11 ? 2 : i)) "$fake" $((i == 11 ? 2 : i)) "$fake"
		done
	} >"$scratch/debugfs"
	E2FSPROGS_FAKE_TIME=$fake debugfs -w -f "$scratch/debugfs" "$1" >/dev/null 2>"$scratch/debugfs.err"
	if [ "$(grep -vc '^debugfs ' "$scratch/debugfs.err")" != 0 ]; then
		cat -- "$scratch/debugfs.err" >&2
		return 1
	fi
}

# Who is not root has no sbin in his PATH.
find_veritysetup() {
	veritysetup=$(PATH=$PATH:/usr/sbin:/sbin type -P veritysetup) || need_tool veritysetup cryptsetup-bin
}

# append_tree IMAGE: the hash tree behind it, without a superblock: what that says, nobody has signed. The lines for
# the manifest go to $scratch/verity.
append_tree() {
	local size salt root
	size=$(stat -c %s -- "$1")
	truncate -s $(((size + 4095) / 4096 * 4096)) -- "$1"
	size=$(stat -c %s -- "$1")
	salt=$(sha256sum <"$1" | cut -c 1-64)
	"$veritysetup" format --no-superblock --hash=sha256 --data-block-size=4096 --hash-block-size=4096 \
		--data-blocks=$((size / 4096)) --hash-offset="$size" --salt="$salt" "$1" "$1" >"$scratch/veritysetup" || return 1
	root=$(sed -n 's/^Root hash:[[:space:]]*//p' "$scratch/veritysetup")
	[[ $root =~ ^[0-9a-f]{64}$ ]] || return 1
	printf '%s = %s\n' type "$type" verity "$root" verity-data-size "$size" verity-hash-offset "$size" \
		verity-salt "$salt" >"$scratch/verity"
}

# wrap_gpt IMAGE OUT: one partition from 1 MiB on, with a name and with UUIDs from the content.
wrap_gpt() {
	local size sectors
	size=$(stat -c %s -- "$1")
	sectors=$((((size + 1048575) >> 20) << 11))
	truncate -s $(((sectors + 4096) * 512)) -- "$2"
	sfdisk --quiet --no-reread --no-tell-kernel -- "$2" <<-TABLE || return 1
		label: gpt
		label-id: $(uuid_of disk <"$1")
		unit: sectors
		start=2048, size=$sectors, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=$(uuid_of partition <"$1"), name="layerboot-$name"
	TABLE
	dd if="$1" of="$2" bs=1M seek=1 conv=notrunc,sparse status=none
}

# find(1) would go by the kind of the directory entry, which fakeroot does not change; printing the mode makes it look.
summary() {
	find "$stage" -mindepth 1 -printf '%y %m\n' | awk -v what="$output: $type$([ "$gpt" = no ] || printf ' in partition layerboot-%s' "$name")" \
		-v size="$(human "$(stat -c %s -- "$partial")")" '
		$1 == "c" { deleted++ } $1 ~ /[fl]/ { files++ }
		END { printf "%s, %d files, %d deletions, %s\n", what, files, deleted, size }'
}
