# shellcheck shell=bash disable=SC2154 # the variables of lib.sh and of the script
# How a layer was made, kept in the layer: include/bases.h says in which form. Sourced by mklayer after lib-union.sh.

# find_layerboot: the program, which knows what a boot will call an image.
find_layerboot() {
	local program=$here/../build/layerboot
	[ -x "$program" ] || program=$(type -P layerboot) ||
		die "there is no layerboot program to say which images these are; run make, or install it"
	printf '%s\n' "$program"
}

# print_record: what was done on which images.
print_record() {
	local i program word
	program=$(find_layerboot)
	echo 'version = 1'
	for i in "${!bases[@]}"; do
		word=$("$program" identity "${base_file[i]}") || die "cannot tell which image ${bases[i]} is; see above"
		printf 'base = %s %s\n' "${word%% *}" "$(tr -c '[:graph:]\n' _ <<<"${bases[i]##*/}")"
	done
	[ "$shell" = no ] || echo 'shell = yes'
	[ "$shell" = no ] || return 0
	for word in "${command[@]}"; do
		word=${word//\\/\\\\}
		printf 'argument = %s\n' "${word//$'\n'/\\n}"
	done
}

# add_record: $layer_record in the stage.
add_record() {
	[ -n "${layer_record:-}" ] || return 0
	make_parents "$records/$name"
	cp -- "$layer_record" "$stage/$records/$name"
	chmod 0644 -- "$stage/$records/$name"
	chown 0:0 -- "$stage/$records/$name"
}

# read_command <WORDS: $command, of the words as a record has them.
read_command() {
	local line
	command=()
	while IFS= read -r line; do
		command+=("$(printf '%bx' "$line")")
		command[-1]=${command[-1]%x}
	done
}

# read_record: the record of the layer image $dir; sets $name and $recorded_bases; $scratch/again has the command.
read_record() {
	local out=$scratch/records files=() key value
	recorded_bases=()
	mkdir -- "$out"
	extract_records "$out"
	for value in "$out"/*; do
		[ ! -f "$value" ] || files+=("$value")
	done
	[ ${#files[@]} = 1 ] || die "$dir has ${#files[@]} records of how it was made; --rebase takes a layer that mklayer made with a command"
	[ "$(head -n 1 -- "${files[0]}")" = 'version = 1' ] || die "the record in $dir is not of a version that is known here"
	while IFS= read -r value; do
		key=${value%% = *}
		value=${value#* = }
		case $key in
		base) recorded_bases+=("$value") ;;
		shell) die "$dir was made in a shell, and nobody wrote down what was typed there; make it anew with mklayer --base $rebase --shell" ;;
		argument) printf '%s\n' "$value" ;;
		esac
	done <"${files[0]}" >"$scratch/again"
	[ -s "$scratch/again" ] || die "the record in $dir names no command; make the layer anew"
	name=${files[0]##*/}
}

# extract_records DIRECTORY: the files below $records of the layer image $dir, unmounted.
extract_records() {
	local bases=("$dir") base_type=() base_file=() all=$scratch/unpacked
	open_bases
	mkdir -- "$all"
	case ${base_type[0]} in
	squashfs) unsquashfs -f -n -q -no-xattrs -d "$all" "${base_file[0]}" "$records" ;;
	erofs) fsck.erofs --extract="$all" --overwrite --no-preserve "${base_file[0]}" ;;
	ext4) mkdir -p -- "$all/${records%/*}" && debugfs -R "rdump /$records $all/${records%/*}" "${base_file[0]}" ;;
	esac >/dev/null 2>&1 || true
	! is_directory "$all/$records" || find "$all/$records" -mindepth 1 -maxdepth 1 -type f -exec cp -t "$1" -- {} +
	chmod -R u+rwX -- "$all"
	rm -rf -- "$all"
}
