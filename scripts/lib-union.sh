# shellcheck shell=bash disable=SC2154,SC2034 # the variables of lib.sh and of the script
# Runs a command in a union over the base images, and keeps what it changed. Sourced by mklayer after lib-base.sh.
# $bases are the images, lowest first; $scratch is a directory, and $scratch/tree.tar becomes the tree of the layer.
#
# The script starts itself again in namespaces of its own (enter_session), so that every mount and every process that
# the command leaves behind ends with it. Who is not root is root of a user namespace there, and reads copies of the images.

# Where a layer keeps how it was made; include/bases.h says it in full.
records=usr/lib/layerboot/layers

# enter_session ARGUMENT...: this script again, with the same arguments, in a session.
enter_session() {
	local user=()
	if [ "$(id -u)" != 0 ]; then
		need_tool newuidmap uidmap
		user=(--user --map-root-user --map-auto)
		unshare "${user[@]}" true 2>"$scratch/unshare" ||
			die "a command can only run as root, or in a user namespace: $(head -n 1 "$scratch/unshare"); an entry in /etc/subuid and /etc/subgid is needed, see subuid(5)"
	fi
	layer_phase=session layer_scratch=$scratch unshare "${user[@]}" --mount --propagation private --pid --fork --kill-child \
		-- "$self" "$@"
}

# mount_base NUMBER: at $scratch/base.NUMBER. Without root's rights the kernel mounts no image: a copy is as good.
mount_base() {
	local at=$scratch/base.$1 file=${base_file[$1]} type=${base_type[$1]}
	mkdir -- "$at"
	if [ -z "${layer_user:-}" ]; then
		mount -t "$type" -o "ro,loop$([ "$type" != ext4 ] || echo ,noload)" -- "$file" "$at" ||
			die "cannot mount the base image ${bases[$1]}; see above"
		return
	fi
	case $type in
	squashfs) unsquashfs -f -n -q -d "$at" "$file" >"$scratch/log" 2>&1 ;;
	erofs) fsck.erofs --extract="$at" --overwrite "$file" >"$scratch/log" 2>&1 ;;
	ext4) debugfs -R "rdump / $at" "$file" >"$scratch/log" 2>&1 ;;
	esac || {
		cat -- "$scratch/log" >&2
		die "cannot unpack the base image ${bases[$1]}; see above"
	}
}

# helper PATH: makes the directory above PATH in the helper layer, with the attributes that the base gives it.
helper() {
	local parent=${1%/*}
	[ "$parent" != "$1" ] || return 0
	helper_directory "$parent"
}

helper_directory() {
	local to=$scratch/helper/$1 from=$scratch/view/$1
	[ ! -d "$to" ] || return 0
	helper "$1"
	mkdir -m 0755 -- "$to"
	! is_directory "$from" || copy_attributes "$from" "$to"
}

copy_attributes() { # FROM TO
	chown --reference="$1" -- "$2"
	chmod --reference="$1" -- "$2"
	touch -r "$1" -- "$2"
}

# What the command needs and the layer does not: it lies in a layer of its own between the bases and what is written, so
# that it is in the layer only if the command itself has written it.
make_helper() {
	local path
	mkdir -- "$scratch/helper"
	copy_attributes "$scratch/view" "$scratch/helper"
	for path in dev proc sys run tmp; do
		[ -d "$scratch/view/$path" ] || helper_directory "$path"
	done
	if [ -e /etc/resolv.conf ]; then
		helper etc/resolv.conf
		cat /etc/resolv.conf >"$scratch/helper/etc/resolv.conf"
	fi
	# Services are not to be started while packages are installed (invoke-rc.d, deb-systemd-invoke).
	helper usr/sbin/policy-rc.d
	printf '#!/bin/sh\nexit 101\n' >"$scratch/helper/usr/sbin/policy-rc.d"
	chmod 0755 -- "$scratch/helper/usr/sbin/policy-rc.d"
	[ ! -d "$scratch/view/etc/apt" ] || ! no_archives || helper_archives
}

# Whether the base names no package archive.
no_archives() {
	! cat "$scratch"/view/etc/apt/sources.list "$scratch"/view/etc/apt/sources.list.d/*.list \
		"$scratch"/view/etc/apt/sources.list.d/*.sources 2>/dev/null | grep -qE '^[[:space:]]*(deb|URIs:)'
}

# Those of this machine then, for the time of the command.
helper_archives() {
	local from=$scratch/archives
	"$here/apt-private" sources >"$from" 2>/dev/null || return 0
	helper etc/apt/sources.list.d/mklayer.list
	cp -- "$from" "$scratch/helper/etc/apt/sources.list.d/mklayer.list"
	chmod 0644 -- "$scratch/helper/etc/apt/sources.list.d/mklayer.list"
}

# What a package manager fetches is of no use in a layer.
volatile=(tmp run var/tmp var/cache/apt var/lib/apt/lists var/log/apt var/cache/dnf var/cache/apk var/cache/pacman/pkg)

mount_union() {
	local i lower=helper options=redirect_dir=off,metacopy=off,index=off,xino=off path
	for ((i = ${#bases[@]} - 1; i >= 0; i--)); do
		lower+=:base.$i
	done
	# What root marks with trusted.overlay.*, others mark with user.overlay.*.
	[ -z "${layer_user:-}" ] || options=userxattr,index=off,xino=off
	mkdir -- "$scratch/root" "$scratch/upper" "$scratch/work"
	copy_attributes "$scratch/view" "$scratch/upper"
	(cd -- "$scratch" && mount -t overlay -o "lowerdir=$lower,upperdir=upper,workdir=work,$options" mklayer root) ||
		die "cannot make a union in $scratch; see above, and choose a place on another file system with TMPDIR (overlay takes none that is an overlay itself)"
	mount -t proc -o nosuid,nodev,noexec proc "$scratch/root/proc"
	mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$scratch/root/sys" 2>/dev/null || mount --rbind /sys "$scratch/root/sys"
	for path in dev "${volatile[@]}"; do
		[ ! -d "$scratch/root/$path" ] || mount_volatile "$path"
	done
	mount_devices "$scratch/root/dev"
	[ ! -d "$scratch/root/var/lib/apt/lists" ] || mkdir -p -- "$scratch/root/var/lib/apt/lists/partial" "$scratch/root/var/cache/apt/archives/partial"
}

# A tmpfs in the place of a directory, with its mode and owner.
mount_volatile() {
	local at=$scratch/root/$1
	mount -t tmpfs -o "nosuid,mode=$(stat -c %a -- "$at"),uid=$(stat -c %u -- "$at"),gid=$(stat -c %g -- "$at")" mklayer "$at"
}

# Nodes of this machine, since in a user namespace none can be made.
mount_devices() { # DIRECTORY
	local name
	for name in null zero full random urandom tty; do
		: >"$1/$name"
		mount --bind "/dev/$name" "$1/$name"
	done
	mkdir -- "$1/pts" "$1/shm"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$1/pts"
	mount -t tmpfs -o mode=1777 shm "$1/shm"
	ln -s pts/ptmx "$1/ptmx"
	ln -s /proc/self/fd "$1/fd"
	for name in 0:stdin 1:stdout 2:stderr; do
		ln -s "/proc/self/fd/${name%:*}" "$1/${name#*:}"
	done
}

run_in_union() {
	local name kept=()
	for name in TERM http_proxy https_proxy no_proxy SOURCE_DATE_EPOCH; do
		[ -z "${!name:-}" ] || kept+=("$name=${!name}")
	done
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive "${kept[@]}" chroot "$scratch/root" "$@"
}

# The lists of the archives are not in the layer, and in a base only by chance.
fetch_lists() {
	case ${command[0]##*/} in apt-get | apt | aptitude) ;; *) return 0 ;; esac
	[[ " ${command[*]} " != *' update '* ]] || return 0
	run_in_union apt-get -qq -o Acquire::Languages=none -o APT::Update::Error-Mode=any update >&2 ||
		die "the lists of the package archives cannot be fetched; see above"
}

# Traces that say when and where packages were installed, not which.
traces=(
	var/log/dpkg.log var/log/alternatives.log var/log/bootstrap.log var/log/dnf.log var/log/apt
	var/lib/dpkg/status-old var/lib/dpkg/diversions-old var/lib/dpkg/statoverride-old var/lib/dpkg/lock
	var/lib/dpkg/lock-frontend var/lib/dpkg/triggers/Lock var/cache/debconf/config.dat-old
	var/cache/debconf/templates.dat-old var/cache/debconf/passwords.dat-old var/cache/ldconfig/aux-cache
	var/cache/apt/archives/lock etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid- etc/.pwd.lock
	root/.bash_history
)

overlay_namespace() {
	[ -z "${layer_user:-}" ] && echo trusted || echo user
}

# tidy UPPER VIEW: what was not changed by what was asked for, or says nothing. VIEW are the bases as they are.
tidy() {
	local upper=$1 view=$2 path
	for path in "${traces[@]}"; do
		rm -rf -- "${upper:?}/$path"
	done
	while IFS= read -r -d '' path; do
		# The same as the helper, or a deletion of what only the helper has.
		if [ -f "$upper/$path" ] && cmp -s -- "$upper/$path" "$scratch/helper/$path"; then
			rm -- "$upper/$path"
		elif [ -c "$upper/$path" ] && ! exists "$view/$path"; then
			rm -- "$upper/$path"
		fi
	done < <(find "$scratch/helper" -mindepth 1 ! -type d -printf '%P\0')
	drop_idle_marks "$upper" "$view"
	while IFS= read -r -d '' path; do
		if is_directory "$view/$path" && ! is_opaque "$upper/$path" &&
			[ "$(stat -c '%a %u %g' -- "$upper/$path")" = "$(stat -c '%a %u %g' -- "$view/$path")" ]; then
			rmdir --ignore-fail-on-non-empty -- "$upper/$path"
		fi
	done < <(find "$upper" -depth -mindepth 1 -type d -printf '%P\0')
}

is_opaque() {
	getfattr -h --only-values -n "$(overlay_namespace).overlay.opaque" -- "$1" >/dev/null 2>&1
}

# A directory that hides nothing now would hide the files of another layer later.
drop_idle_marks() { # UPPER VIEW
	local path mark
	mark=$(overlay_namespace).overlay.opaque
	while IFS= read -r path; do
		is_directory "$2/$path" || setfattr -h -x "$mark" -- "$1/$path"
	done < <(cd -- "$1" && getfattr -R -P -h -m "^${mark//./\\.}\$" . 2>/dev/null | sed -n 's/^# file: //p' |
		while IFS= read -r path; do printf '%b\n' "$path"; done)
}

# open_view: $scratch/view is what the bases hold together.
open_view() {
	local i lower=''
	[ "$(awk 'NR == 1 { print $2, $3 }' /proc/self/uid_map)" = '0 4294967295' ] || layer_user=yes
	open_bases
	mkdir -- "$scratch/view"
	for i in "${!bases[@]}"; do
		mount_base "$i"
		lower=base.$i${lower:+:$lower}
	done
	if [ ${#bases[@]} = 1 ]; then
		mount --bind "$scratch/base.0" "$scratch/view"
	else
		(cd -- "$scratch" && mount -t overlay -o "ro,lowerdir=$lower${layer_user:+,userxattr}" view view) ||
			die "cannot make a union of the bases; see above"
	fi
}

# pack UPPER: the tree of the layer, for the half of the script that runs under fakeroot.
pack() {
	tar -C "$1" --format=posix --numeric-owner -cf "$scratch/tree.tar" . || die "cannot read what was changed; see above"
	# Of the marks that overlay has left only "opaque" means anything in a layer; in a user namespace it has another name.
	(cd -- "$1" && getfattr -R -P -h -d -e hex -m '^(trusted|user)\.overlay\.opaque$|^security\.capability$|^user\.' .) |
		sed '/^user\.overlay\.opaque=/s/.*/trusted.overlay.opaque=0x79/;/^user\.overlay\./d' >"$scratch/tree.attributes" ||
		die "cannot read the extended attributes of what was changed; see above"
}

# The command, and the tree of what it changed.
session_command() {
	local status=0
	progress "opening the base"
	open_view
	make_helper
	mount_union
	if [ "$shell" = yes ]; then
		set_up_shell
	else
		fetch_lists
	fi
	run_in_union "${command[@]}" || status=$?
	[ $status = 0 ] || die "${command[*]} ended with $status, and no layer is made"
	# With all that is below: piece by piece the kernel refuses what a user namespace has only inherited.
	umount -l -- "$scratch/root"
	tidy "$scratch/upper" "$scratch/view"
	print_record >"$scratch/record"
	pack "$scratch/upper"
}

session_rebase() {
	read_command <"$scratch/again"
	session_command
}

set_up_shell() {
	command=(/bin/sh)
	[ ! -x "$scratch/root/bin/bash" ] || command=(/bin/bash -l)
	printf '%s: a shell in the union; exit makes the layer, exit 1 gives up\n' "$prog" >&2
}
