# shellcheck shell=bash disable=SC2154,SC2034 # the variables of lib.sh and of the script
# Compares the tree that becomes a layer with the images that it will lie on.
# Sourced by mklayer after lib-base.sh and lib-stage.sh.

# compare_with_base: what the layer has at a path against what the base has there, one finding a line:
# hides PATH TARGET, dir-over PATH, file-over PATH, attributes PATH MODE UID GID, nothing PATH.
compare_with_base() {
	find "$stage" -mindepth 1 -printf '%P\t%y\t%m\t%U\t%G\n' | sort >"$scratch/have"
	cut -f1 "$scratch/have" | base_lookup >"$scratch/below"
	awk -F '\t' -v OFS='\t' '
		NR == FNR { type[$1] = $2; mode[$1] = $3; uid[$1] = $4; gid[$1] = $5; target[$1] = $6; next }
		hidden != "" && index($1, hidden "/") == 1 { next }
		$2 == "d" && type[$1] == "l" { print "hides", $1, target[$1]; hidden = $1; next }
		$2 == "d" && type[$1] != "" && type[$1] != "d" && type[$1] != "c" { print "dir-over", $1 }
		$2 == "d" && type[$1] == "d" && (mode[$1] + 0 != $3 + 0 || uid[$1] != $4 || gid[$1] != $5) {
			print "attributes", $1, mode[$1], uid[$1], gid[$1]
		}
		$2 != "d" && $2 != "c" && type[$1] == "d" { print "file-over", $1 }
		$2 == "c" && (type[$1] == "" || type[$1] == "c") { print "nothing", $1 }
	' "$scratch/below" "$scratch/have"
}

# link_target PATH TARGET: where a link at PATH leads, relative to the root; .. is resolved as text.
link_target() {
	case $2 in
	/*) realpath -sm --relative-to=/ -- "$2" ;;
	*) realpath -sm --relative-to=/ -- "/$(dirname -- "$1")/$2" ;;
	esac
}

# merge FROM TO: moves the directory FROM into TO, both in the stage.
merge() {
	local entry to
	while IFS= read -r -d '' entry; do
		to=$2/${entry##*/}
		if ! exists "$to"; then
			mv -- "$entry" "$to"
		elif is_directory "$entry" && is_directory "$to"; then
			merge "$entry" "$to"
		else
			die "--follow: both ${entry#"$stage"/} and ${to#"$stage"/} are in $dir, and they are the same path in the merged root; remove one"
		fi
	done < <(find "$1" -mindepth 1 -maxdepth 1 -print0 | sort -z)
	rmdir -- "$1"
}

follow_link() { # PATH TARGET
	local to
	to=$(link_target "$1" "$2")
	make_parents "$to/"
	is_directory "$stage/$to" || die "--follow: $1 would go to $to, but that is no directory in $dir; put its files where they belong"
	merge "$stage/$1" "$stage/$to"
	printf '%s: %s: moved to %s, where the link of the base points\n' "$prog" "$1" "$to" >&2
}

check_against_base() {
	local round kind path more rest refused=0
	for ((round = 0; ; round++)); do
		compare_with_base >"$scratch/findings"
		if [ "$follow" = no ] || ! grep -q "^hides" "$scratch/findings"; then break; fi
		[ $round -lt 40 ] || die "--follow: the links of the base lead in a circle; see above"
		while IFS=$'\t' read -r kind path more; do
			[ "$kind" != hides ] || follow_link "$path" "$more"
		done <"$scratch/findings"
	done
	while IFS=$'\t' read -r kind path more rest; do
		case $kind in
		hides) refuse "$path is a directory here, but in the base a link to $more: the directory would hide all that is behind the link; put it in $(link_target "$path" "$more"), or use --follow" ;;
		dir-over) [ "$force" = yes ] || refuse "$path is a directory here, but a file in the base; rename it, or use --force" ;;
		file-over) [ "$force" = yes ] || refuse "$path is no directory here, but one in the base, which would vanish with all that is in it; rename it, or use --force" ;;
		nothing) warn "$path: deleted, but the base has no such file" ;;
		attributes)
			[ -z "${layer_meant:-}" ] || continue
			if [ "$owner" = root ]; then
				chown "${rest/$'\t'/:}" -- "$stage/$path"
				chmod "$more" -- "$stage/$path"
			else
				warn "$path: the directory's mode or owner is not that of the base ($more ${rest/$'\t'/:}); the layer's will count"
			fi
			;;
		esac
	done <"$scratch/findings"
	[ $refused = 0 ] || exit 1
}

# Where nobody can be told to put a file elsewhere, since it has been seen at work, it is only said.
refuse() {
	if [ -n "${layer_meant:-}" ]; then
		warn "${1%%; *}"
		return
	fi
	printf '%s: error: %s\n' "$prog" "$1" >&2
	refused=1
}

# What a package manager knows the installed packages by.
package_databases=(
	var/lib/dpkg/status var/lib/rpm/rpmdb.sqlite var/lib/rpm/Packages usr/lib/sysimage/rpm/rpmdb.sqlite
	lib/apk/db/installed usr/lib/apk/db/installed var/lib/pacman/local/ALPM_DB_VERSION
)

# Of two layers side by side only the upper one's packages are known.
check_siblings() {
	local sibling path bases=() base_type=() base_file=()
	for sibling in "${siblings[@]}"; do
		bases=("$sibling")
		open_bases
		while IFS=$'\t' read -r path _; do
			[ ! -f "$stage/$path" ] ||
				warn "$path is in this layer and in $sibling: of the two the upper one's packages are known alone; make one on the other, with --base for both"
		done < <(printf '%s\n' "${package_databases[@]}" | sort | base_lookup)
	done
}
