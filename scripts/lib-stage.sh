# shellcheck shell=bash disable=SC2154 # the variables of lib.sh and of the script
# The tree that becomes a layer: a copy, with deletions, and with times that do not tell when it was made.
# Sourced by mklayer after lib.sh and lib-base.sh. $stage is the copy, below $scratch; $epoch is the newest time.

# Extended attributes of DIR, which fakeroot hides. Of overlay's own only "opaque" means anything in a
# layer: redirect and metacopy are ignored at boot, so a layer that counts on them would show other files.
read_attributes() {
	local bad
	bad=$(cd -- "$dir" && getfattr -R -P -h -m '^trusted\.overlay\.(redirect|metacopy)$' . 2>/dev/null | sed -n 's/^# file: //p' | head -n 3) || true
	[ -z "$bad" ] || die "'${bad%%$'\n'*}' has trusted.overlay.redirect or .metacopy: it is only part of a file or directory, and a boot ignores the rest; make the directory with redirect_dir=off,metacopy=off"
	(cd -- "$dir" && getfattr -R -P -h -d -e hex -m '^(trusted\.overlay\.opaque$|security\.capability$|user\.)' .) ||
		die "cannot read the extended attributes in $dir; see above"
}

# bytes_of_source: as much as copy_tree reads.
bytes_of_source() {
	local from=("$dir")
	[ -z "${layer_tree:-}" ] || from=("$layer_tree")
	[ -z "${layer_oci:-}" ] || from=("$layer_oci"/*.tar)
	[ "${layer_count:-0}" != 0 ] || [ -z "${layer_oci:-}" ] || from=("$layer_oci/$layer_number.tar")
	du -cb -- "${from[@]}" | sed -n '$s/\t.*//p'
}

copy_tree() {
	mkdir -- "$stage"
	if [ -n "${layer_oci:-}" ]; then
		unpack_containers
	elif [ -n "${layer_tree:-}" ]; then
		unpack "$layer_tree"
		set_attributes "${layer_tree%.tar}.attributes"
	else
		copy_directory
	fi
}

# What is left out, owners, and the newest time.
finish_tree() {
	local path
	# A socket is of no use to anyone but the process that made it.
	find "$stage" -type s -delete
	for path in "${omitted[@]}"; do
		rm -rf -- "${stage:?}/$path"
	done
	[ "$owner" = keep ] || find "$stage" -exec chown -h 0:0 {} +
	epoch=${SOURCE_DATE_EPOCH:-}
	[ -n "$epoch" ] || epoch=$(find "$stage" -mindepth 1 -printf '%Ts\n' | sort -n | sed -n '$p')
	epoch=${epoch:-0}
	find "$stage" -mindepth 1 -type d -printf '%T@ %P\0' >"$scratch/times"
}

copy_directory() {
	cp -a --reflink=auto -- "$dir/." "$stage/" || die "cannot copy $dir to $scratch; see above, or choose a larger place with TMPDIR"
	if [ -n "${attributes:-}" ]; then
		(cd -- "$stage" && setfattr -h --restore=- <<<"$attributes") || die "cannot copy the extended attributes of $dir; see above"
	fi
}

# set_attributes DUMP: of getfattr, whose paths begin at the stage; after unpacking, for the reason that tar-attributes tells.
set_attributes() {
	(cd -- "$stage" && setfattr -h --restore=-) <"$1" || die "cannot set the extended attributes; see above"
}

unpack() { # TAR
	tar -C "$stage" -xp --numeric-owner -f "$1" || die "cannot unpack to $scratch; see above, or choose a larger place with TMPDIR"
}

# The layers of a container image, as oci-layers has unpacked them: all of them, or one with its deletions.
unpack_containers() {
	local i path
	if [ "$layer_count" = 0 ]; then
		unpack "$layer_oci/$layer_number.tar"
		set_attributes "$layer_oci/$layer_number.attributes"
		mapfile -d '' -t -O ${#deletions[@]} deletions <"$layer_oci/$layer_number.deleted"
		mapfile -d '' -t -O ${#opaques[@]} opaques <"$layer_oci/$layer_number.opaque"
		return
	fi
	for ((i = 1; i <= layer_count; i++)); do
		while IFS= read -r -d '' path; do
			rm -rf -- "${stage:?}/$path"
		done <"$layer_oci/$i.deleted"
		while IFS= read -r -d '' path; do
			[ ! -d "$stage/$path" ] || find "$stage/$path" -mindepth 1 -delete
		done <"$layer_oci/$i.opaque"
		while IFS= read -r -d '' path; do
			! is_directory "$stage/$path" || rm -rf -- "${stage:?}/$path"
		done <"$layer_oci/$i.files"
		unpack "$layer_oci/$i.tar"
		set_attributes "$layer_oci/$i.attributes"
	done
}

# make_parents PATH: the directories above PATH. One that DIR lacks looks as it does in the base, else 0755 root:root.
make_parents() {
	local parent=${1%/*}
	[ "$parent" != "$1" ] || return 0
	! is_directory "$stage/$parent" || return 0
	! exists "$stage/$parent" || die "cannot put $1 into the layer: $parent is no directory there"
	make_parents "$parent"
	make_directory "$parent"
}

make_directory() {
	local path type mode uid gid
	mkdir -m 0755 -- "$stage/$1"
	chown 0:0 -- "$stage/$1"
	IFS=$'\t' read -r path type mode uid gid _ < <(base_lookup <<<"$1") || return 0
	if [ "$type" = d ]; then
		chown "$uid:$gid" -- "$stage/$1"
		chmod "$mode" -- "$stage/$1"
	fi
}

add_deletions() {
	local path
	for path in "${deletions[@]}"; do
		! exists "$stage/$path" || die "--delete $path: the layer has $path itself; remove one of the two"
		make_parents "$path"
		mknod -m 0600 -- "$stage/$path" c 0 0 || die "cannot make the deletion of $path; see above"
	done
	for path in "${opaques[@]}"; do
		make_parents "$path/"
		is_directory "$stage/$path" || die "--opaque $path: in $dir it is no directory"
		setfattr -n trusted.overlay.opaque -v y -- "$stage/$path" || die "cannot mark $path as opaque; see above"
	done
}

# Times as they were in DIR, none later than the epoch; what was made here is of the epoch. The root of a layer
# is a place in a mktemp directory more often than not, so its mode says nothing.
settle_times() {
	local time path
	chown 0:0 -- "$stage"
	chmod 0755 -- "$stage"
	find "$stage" -type d -exec touch -d "@$epoch" {} +
	while IFS=' ' read -r -d '' time path; do
		! is_directory "$stage/$path" || touch -d "@$time" -- "$stage/$path"
	done <"$scratch/times"
	find "$stage" -depth -newermt "@$epoch" -exec touch -h -d "@$epoch" {} +
}
