# shellcheck shell=bash disable=SC2154 # the variables of lib.sh and of the script
# Reads what an image holds without mounting it, as any user: for checks of a layer against its base.
# Sourced by mklayer after lib.sh. $bases are the images, lowest first; $scratch is a directory.

# base_lookup <PATHS: for every path (one a line, relative to the root) that the stack of bases has,
# "PATH TYPE MODE UID GID TARGET", tab-separated; TYPE as in find -printf %y, TARGET that of a link.
base_lookup() {
	local i paths
	[ ${#bases[@]} -gt 0 ] || return 0
	paths=$(mktemp "$scratch/paths.XXXXXX")
	cat >"$paths"
	for ((i = ${#bases[@]} - 1; i >= 0; i--)); do
		"base_${base_type[i]}" "${base_file[i]}" "$i" "$paths"
	done | awk -F '\t' '!seen[$1]++'
	rm -- "$paths"
}

bytes_at() { # FILE OFFSET COUNT -> hexadecimal
	od -An -v -tx1 -j "$2" -N "$3" -- "$1" | tr -d ' \n'
}

number_at() { # FILE OFFSET BYTES -> little-endian number
	od -An -v -tu"$3" --endian=little -j "$2" -N "$3" -- "$1" | tr -d ' '
}

# open_bases: finds the type of every base, and takes the first partition out of one with a partition table.
base_type=() base_file=()
open_bases() {
	local i start size
	for i in "${!bases[@]}"; do
		base_file[i]=$(realpath -- "${bases[i]}")
		if [ "$(bytes_at "${bases[i]}" 512 8)" = 4546492050415254 ]; then
			start=$(number_at "${bases[i]}" $((1024 + 32)) 8)
			size=$(($(number_at "${bases[i]}" $((1024 + 40)) 8) - start + 1))
			base_file[i]=$scratch/base$i
			dd if="${bases[i]}" of="${base_file[i]}" bs=64K iflag=skip_bytes,count_bytes conv=sparse status=none \
				skip=$((start * 512)) count=$((size * 512)) ||
				die "cannot read the first partition of ${bases[i]}; see above"
		fi
		if [ "$(bytes_at "${base_file[i]}" 0 4)" = 68737173 ]; then
			base_type[i]=squashfs
			need_tool unsquashfs squashfs-tools
			base_list_squashfs "${base_file[i]}" >"$scratch/list$i" || die "cannot read the base image ${bases[i]}; see above"
		elif [ "$(bytes_at "${base_file[i]}" 1024 4)" = e2e1f5e0 ]; then
			base_type[i]=erofs
			need_tool dump.erofs erofs-utils
		elif [ "$(bytes_at "${base_file[i]}" 1080 2)" = 53ef ]; then
			base_type[i]=ext4
			need_tool debugfs e2fsprogs
		else
			die "the base image ${bases[i]} is neither squashfs, erofs nor ext4; give one of these, or leave out --base"
		fi
	done
}

# The whole list of a squashfs image, in the format of base_lookup.
base_list_squashfs() {
	unsquashfs -lln "$1" 2>/dev/null | awk -v OFS='\t' '
		function bits(s,    i, n) {
			n = 0
			for (i = 1; i <= 9; i++) n = n * 2 + (substr(s, i, 1) !~ /[-ST]/)
			n += 2048 * (substr(s, 3, 1) ~ /[sS]/) + 1024 * (substr(s, 6, 1) ~ /[sS]/) + 512 * (substr(s, 9, 1) ~ /[tT]/)
			return sprintf("%o", n)
		}
		match($0, /^[^ ]+ +[0-9]+\/[0-9]+ +([0-9]+, *)?[0-9]+ [0-9-]+ [0-9:]+ squashfs-root\//) {
			path = substr($0, RLENGTH + 1); target = ""
			type = substr($1, 1, 1)
			if (type == "-") type = "f"
			if (type == "l" && (i = index(path, " -> "))) { target = substr(path, i + 4); path = substr(path, 1, i - 1) }
			split($2, owner, "/")
			print path, type, bits(substr($1, 2)), owner[1], owner[2], target
		}'
}

base_squashfs() { # FILE NUMBER PATHS
	awk -F '\t' 'NR == FNR { want[$0]; next } $1 in want' "$3" "$scratch/list$2"
}

# One run of debugfs for all paths. It answers on two streams, so every answer is preceded by its question.
base_ext4() { # FILE NUMBER PATHS
	sed 's/"/""/g; s/.*/stat "\/&"/' "$3" | debugfs -f - "$1" 2>/dev/null | awk -v OFS='\t' '
		function flush() { if (type != "") print path, type, mode, uid, gid, target; type = target = "" }
		/^debugfs: stat "\// { flush(); path = substr($0, 17, length($0) - 17); gsub(/""/, "\"", path) }
		/^Inode: [0-9]+ +Type: / {
			match($0, /Type: [A-Za-z]+/); word = substr($0, RSTART + 6, RLENGTH - 6)
			type = word == "regular" ? "f" : word == "symlink" ? "l" : word == "FIFO" ? "p" : substr(word, 1, 1)
			match($0, /Mode: +[0-7]+/); mode = substr($0, RSTART, RLENGTH); sub(/Mode: +0*/, "", mode)
			if (mode == "") mode = "0"
		}
		/^User: / { uid = $2; gid = $4 }
		/^Fast link dest: / { target = substr($0, 18, length($0) - 18) }
		END { flush() }'
}

# dump.erofs knows neither the mode's upper bits nor the target of a link: the one is read from the inode,
# the other from an extracted copy, which is made when the first link is met.
base_erofs() { # FILE NUMBER PATHS
	local path answer type nid mode uid gid target meta block_bits above=
	block_bits=$(number_at "$1" $((1024 + 12)) 1)
	meta=$(number_at "$1" $((1024 + 40)) 4)
	while IFS= read -r path; do
		# Below what is no directory in the base there is nothing to look up; the paths are sorted.
		[ -z "$above" ] || [[ $path != "$above"/* ]] || continue
		above=$path
		answer=$(dump.erofs --path="/$path" "$1" 2>/dev/null) || continue
		[ -n "$answer" ] || continue
		[[ $answer =~ NID:\ ([0-9]+) ]] || continue
		nid=${BASH_REMATCH[1]}
		[[ $answer =~ Uid:\ ([0-9]+)\ +Gid:\ ([0-9]+) ]] && uid=${BASH_REMATCH[1]} gid=${BASH_REMATCH[2]}
		mode=$(number_at "$1" $(((meta << block_bits) + nid * 32 + 4)) 2)
		target=
		case $((mode >> 12)) in
		1) type=p ;;
		2) type=c ;;
		4) type=d above= ;;
		6) type=b ;;
		8) type=f ;;
		10)
			type=l
			target=$(base_erofs_link "$1" "$2" "$path")
			;;
		*) type=s ;;
		esac
		printf '%s\t%s\t%o\t%s\t%s\t%s\n' "$path" "$type" $((mode & 07777)) "$uid" "$gid" "$target"
	done <"$3"
}

base_erofs_link() { # FILE NUMBER PATH
	local copy=$scratch/extracted$2
	[ -d "$copy" ] || fsck.erofs --extract="$copy" --no-preserve-owner "$1" >/dev/null 2>&1 || true
	readlink -- "$copy/$3" || die "cannot read where the link $3 of the base points; see above"
}
