# shellcheck shell=bash disable=SC2154,SC2034 # the variables of lib.sh and of the script
# What a layer can be made of besides a directory: a command, a layer on another base, a container image, a guest's top.
# Each make_of_SOURCE leaves a tree in $scratch/tree.tar and has the image made of it. Sourced by mklayer.

make_of_command() {
	enter_session "$@" || exit 1
	make_layer "$@"
}

# make_layer ARGUMENT...: of $scratch/tree.tar. What a command, a container or a guest put there is as it is meant.
make_layer() {
	export layer_tree=$scratch/tree.tar layer_meant=yes layer_name=$name
	[ ! -e "$scratch/record" ] || export layer_record=$scratch/record
	make_image "$@"
}

make_of_rebase() {
	read_record
	[ ${#recorded_bases[@]} = ${#bases[@]} ] ||
		die "$dir was made on ${#recorded_bases[@]} images (${recorded_bases[*]#* }), and ${#bases[@]} are given: $rebase stands for the lowest, give the others with --base"
	read_command <"$scratch/again"
	printf '%s: runs again: %s\n' "$prog" "${command[*]}" >&2
	export layer_name=$name
	enter_session "$@" || exit 1
	make_layer "$@"
}

make_of_top() {
	[ "$(id -u)" = 0 ] || die "a top can only be mounted, and its marks be read, by root"
	layer_phase=session layer_scratch=$scratch unshare --mount --propagation private -- "$self" "$@" || exit 1
	make_layer "$@"
}

# The upperdir of the top, where it was cleanly unmounted: of a journal that is not replayed, files may be missing.
session_top() {
	local upper=$scratch/top${subdir:+/$subdir}/upper part=() bad
	mkdir -- "$scratch/top"
	if [ "$(bytes_at "$dir" 512 8)" = 4546492050415254 ]; then
		part=(",offset=$(($(number_at "$dir" $((1024 + 32)) 8) * 512))")
	fi
	mount -o "ro,loop${part[*]}" -- "$dir" "$scratch/top" 2>"$scratch/log" ||
		die "cannot mount $dir: $(tail -n 1 "$scratch/log"); if its guest runs, power it off, and if it was not cleanly unmounted, boot it once or run e2fsck -p"
	is_directory "$upper" || die "$dir has no ${subdir:+$subdir/}upper, so it is no top of layerboot; is it another --subdir?"
	bad=$(cd -- "$upper" && getfattr -R -P -h -m '^trusted\.overlay\.(redirect|metacopy)$' . 2>/dev/null | sed -n 's/^# file: //p' | head -n 1) || true
	[ -z "$bad" ] || die "'$bad' in the top is only part of a file or directory (trusted.overlay.redirect or .metacopy), and a boot would ignore the rest"
	if [ ${#bases[@]} -gt 0 ]; then
		open_view
		mkdir -- "$scratch/helper" "$scratch/upper"
		shown "copying the top" "$(du -sb -- "$upper" | cut -f1)" cp -a -- "$upper/." "$scratch/upper/"
		upper=$scratch/upper
		traces=()
		tidy "$upper" "$scratch/view"
		shell=yes print_record >"$scratch/record"
	fi
	pack "$upper"
}

make_of_oci() {
	local count i digest
	need_tool python3 python3
	mkdir -- "$scratch/oci"
	"$here/oci-layers" "$dir" "$scratch/oci" >"$scratch/layers" || exit 1
	count=$(wc -l <"$scratch/layers")
	for ((i = 1; i <= count; i++)); do
		"$here/tar-attributes" "$scratch/oci/$i.tar" >"$scratch/oci/$i.attributes" || die "cannot read layer $i of $dir; see above"
	done
	if [ "$merge" = yes ]; then
		export layer_oci=$scratch/oci layer_count=$count
		make_layer "$@"
		return
	fi
	[ "${#bases[@]}" = 0 ] || warn "the lowest layer is checked against --base, the others are not"
	for ((i = 1; i <= count; i++)); do
		digest=$(sed -n "${i}p" "$scratch/layers")
		numbered_layer "$i" "$digest" "$@"
	done
	print_oci_manifest "$count"
}

# numbered FILE NUMBER: web.img becomes web-2.img
numbered() {
	local file=${1##*/} directory=
	[[ $1 != */* ]] || directory=${1%/*}/
	case $file in
	?*.*) printf '%s%s-%d.%s\n' "$directory" "${file%.*}" "$2" "${file##*.}" ;;
	*) printf '%s%s-%d\n' "$directory" "$file" "$2" ;;
	esac
}

numbered_layer() { # NUMBER DIGEST ARGUMENT...
	local n=$1 digest=$2 base
	shift 2
	layer_output=$(numbered "$output" "$n")
	layer_oci=$scratch/oci layer_count=0 layer_number=$n layer_verity=$scratch/oci/$n.verity
	name=$name-$n
	{
		echo 'version = 1'
		for ((base = 1; base < n; base++)); do
			printf 'base = %s\n' "$(oci_identity "$(numbered "$output" "$base")")"
		done
		printf 'source = %s\n' "$digest"
	} >"$scratch/record"
	export layer_output layer_oci layer_count layer_number layer_verity
	make_layer "$@"
	name=${name%-"$n"}
}

oci_identity() { # FILE: its identity and its name
	local line
	line=$("$(find_layerboot)" identity "$1") || die "cannot tell which image $1 is; see above"
	printf '%s %s\n' "${line%% *}" "$(tr -c '[:graph:]\n' _ <<<"${1##*/}")"
}

print_oci_manifest() { # COUNT
	local i
	for ((i = 1; i <= $1; i++)); do
		printf '\n[layer %s-%d]\nsource = %s\n' "$name" "$i" \
			"$([ "$gpt" = yes ] && printf 'PARTLABEL=layerboot-%s-%d' "$name" "$i" || printf 'SERIAL=%s-%d' "$name" "$i")"
		[ "$verity" = no ] || cat -- "$scratch/oci/$i.verity"
	done
}
