# shellcheck shell=bash disable=SC2154 # the variables of lib.sh and of the script
# Programs of this machine for an initramfs, with the libraries that they need. Sourced by mkinitramfs after lib.sh.

# The package that has a program, where it is known.
package_of() {
	case ${1##*/} in
	e2fsck | mke2fs | resize2fs | tune2fs | fsck.ext? | mkfs.ext?) echo e2fsprogs ;;
	mkfs.xfs | xfs_repair | xfs_growfs) echo xfsprogs ;;
	unionfs | unionfs-fuse) echo unionfs-fuse ;;
	busybox) echo busybox-static ;;
	esac
}

# find_program NAME: prints where it is. Who is not root has no sbin in his PATH.
find_program() {
	local name=$1 file='' package
	if [[ $name == */* ]]; then
		file=$name
	else
		file=$(PATH=$PATH:/usr/sbin:/sbin type -P -- "$name") || true
		[ -n "$file" ] || [ "$name" != unionfs ] || file=$(type -P unionfs-fuse) || true
	fi
	if [ ! -f "$file" ] || [ ! -x "$file" ]; then
		package=$(package_of "$name")
		die "there is no program $name on this machine; ${package:+install the package $package, or }name its file with --program DEST=FILE"
	fi
	realpath -s -- "$file"
}

# libraries_of FILE: prints the ELF interpreter and the shared libraries of a program, which are found as they will be
# in the initramfs: without the cache, and without what this shell's environment says.
libraries_of() {
	local interpreter options=() lines missing
	[ "$(od -An -tx1 -N 4 -- "$1" | tr -d ' ')" = 7f454c46 ] ||
		die "$1 is no ELF program, and the initramfs has no shell for scripts; give the program that it starts"
	[ "$(elf_machine "$1")" = "${arch:-$(uname -m)}" ] ||
		die "$1 is a program for $(elf_machine "$1"), and this initramfs is for $arch; name one for $arch with --program DEST=FILE"
	need_tool readelf binutils
	interpreter=$(readelf -lW -- "$1" | sed -n 's/.*\[Requesting program interpreter: \(.*\)\]$/\1/p')
	[ -n "$interpreter" ] || return 0
	[ "${arch:-$(uname -m)}" = "$(uname -m)" ] ||
		die "which libraries $1 needs can only be asked on $arch itself; name a static program, such as those of busybox-static:arm64"
	[[ $interpreter == */ld-musl-* ]] || options=(--inhibit-cache)
	lines=$(env -i "$interpreter" "${options[@]}" --list "$(realpath -- "$1")" 2>&1) ||
		die "the libraries of $1 cannot be found: ${lines:-no answer of $interpreter}"
	missing=$(sed -n 's/^[[:space:]]*\([^ ]*\) => not found$/\1/p' <<<"$lines")
	[ -z "$missing" ] || die "$1 needs libraries that are in no directory where the initramfs looks: ${missing//$'\n'/ }; name a program without them"
	echo "$interpreter"
	sed -n 's/^[[:space:]]*\([^ ]* => \)\{0,1\}\(\/.*\) (0x[0-9a-f]*)$/\2/p' <<<"$lines"
}

# store_file KIND FROM TO REASON: into the archive, and into the list; once.
store_file() {
	local to=$scratch/root$3
	if [ -e "$to" ]; then
		cmp -s -- "$2" "$to" || die "$3 is asked for twice, with different contents; the second is $2 ($4)"
		return 0
	fi
	mkdir -p -- "${to%/*}"
	cp -- "$2" "$to" || die "cannot read $2; see above"
	printf '%s\t%s\t%s\n' "$1" "$3" "$4" >>"$scratch/programs"
}

# Every program, after it the libraries that came with it.
store_programs() {
	local entry what to from library libraries
	: >"$scratch/programs"
	for entry in "${programs[@]}"; do
		what=${entry%%$'\n'*}
		from=$(find_program "${what#*=}")
		# The init looks in /sbin, whatever the order of this machine's PATH.
		to=${from/#\/usr\/sbin\///sbin/}
		[[ $what != *=* ]] || to=${what%%=*}
		[[ $to =~ ^(/[A-Za-z0-9_+@.-]+)+$ && ! $to =~ /\.\.?(/|$) ]] ||
			die "a program cannot go to '$to' in the initramfs; give a plain absolute path, as in --program /sbin/x=$from"
		[[ ! $to =~ ^/(dev|proc|run|sys|init|etc/layerboot|lib/modules)(/|$) ]] ||
			die "a program cannot go to $to, which the init uses itself; choose another place, as in --program /sbin/x=$from"
		# The init writes down what layers delete as unionfs-fuse 1.0 does it; others use another name for it.
		[ "$to" != /sbin/unionfs ] || grep -aqF .unionfs-fuse "$from" ||
			die "$from is not the unionfs-fuse 1.0 of Debian, and would show deleted files again; install the package unionfs-fuse, or leave union = unionfs"
		store_file program "$from" "$to" "${entry#*$'\n'}"
		libraries=$(libraries_of "$from")
		while IFS= read -r library; do
			[ -z "$library" ] || store_file library "$library" "$library" "$to needs it"
		done <<<"$libraries"
	done
}
