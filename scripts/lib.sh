# shellcheck shell=bash
# What the image builders share: messages, temporary files, outputs that appear whole or not at all.
# Sourced; the script that sources it has set -euo pipefail and a usage() function.

prog=${0##*/}

# die WORDS: says what failed and why, and ends with 1.
die() {
	printf '%s: error: %s\n' "$prog" "$*" >&2
	exit 1
}

# misuse WORDS: a command line that cannot be meant; ends with 2.
misuse() {
	printf '%s: error: %s\n' "$prog" "$*" >&2
	printf "Try '%s --help'.\n" "$prog" >&2
	exit 2
}

warn() {
	printf '%s: warning: %s\n' "$prog" "$*" >&2
}

# print_help <TEXT: with the names that the scripts have where they are installed.
print_help() {
	case $0 in
	*/layerboot-* | layerboot-*) sed -E 's#scripts/(mklayer|mkinitramfs|mksystem|sign-manifest|run-vm|boot-chart|get-kernel)#layerboot-\1#g' ;;
	*) cat ;;
	esac
}

# progress WORDS: for who watches.
progress() {
	[ ! -t 2 ] || printf '%s: %s\n' "$prog" "$*" >&2
}

# shown WORDS BYTES COMMAND...: runs COMMAND, which reads about BYTES, and shows on a terminal how far it is.
shown() {
	local words=$1 bytes=$2 me=$BASHPID start status
	shift 2
	if [ -t 2 ]; then
		printf '%s: %s' "$prog" "$words" >&2
		start=$(bytes_read "$me" 0)
		watch_reading "$me" "$words" "$bytes" "$start" &
		watcher=$!
	fi
	"$@"
	status=$?
	if [ -n "$watcher" ]; then
		end_watcher
		[ $status != 0 ] || printf '\r\033[K%s: %s: done' "$prog" "$words" >&2
		printf '\n' >&2
	fi
	return $status
}

# end_watcher: it is told nothing else, and its end is no news.
end_watcher() {
	kill "$watcher" 2>/dev/null || true
	wait "$watcher" 2>/dev/null || true
	watcher=
}

# watch_reading PID WORDS BYTES START: what PID and the processes below it have read beyond START, in percent of BYTES, until
# it is ended.
watch_reading() {
	local self=$BASHPID now most=0
	while :; do
		now=$(($(bytes_read "$1" "$self") - $4))
		# Between its end and the wait of its parent a process is not counted.
		most=$((now > most ? now : most))
		printf '\r%s: %s: %d %%' "$prog" "$2" $((most >= $3 ? 99 : most * 100 / $3)) >&2
		sleep 0.3
	done
}

# bytes_read PID OTHER: of PID and the processes below it, without OTHER and those below that one. Who has ended is counted by
# the process that waited for it. Field 4 of stat, behind a name that may have blanks and parentheses, is the parent.
bytes_read() {
	local child
	{ cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v top="$1" -v other="$2" '
		{ pid = $1; sub(/.*\) . /, ""); parent[pid] = $1 }
		END { for (pid in parent) {
			for (p = pid; p > 0 && p != top && p != other;) p = parent[p]
			if (p == top) print pid
		} }' | while read -r child; do
		cat "/proc/$child/io" 2>/dev/null || true
	done | awk '/^rchar:/ { n += $2 } END { printf "%.0f", n }'
}

# need_tool COMMAND PACKAGE: fails with the package that has the command.
need_tool() {
	command -v "$1" >/dev/null 2>&1 ||
		die "the command $1 is missing; install the package $2, or run scripts/setup, which installs all that is needed"
}

# value OPTION COUNT: fails unless a value follows OPTION (COUNT is what is left of the command line, $#).
value() {
	[ "$2" -ge 2 ] || misuse "$1 needs a value"
}

# unwind: what the trap of every script does; scratch is removed whatever is in it.
scratch=
partial=
watcher=
unwind() {
	[ -z "$watcher" ] || end_watcher
	if [ -n "$scratch" ]; then
		chmod -R u+rwX -- "$scratch" 2>/dev/null || true
		rm -rf -- "$scratch"
	fi
	[ -z "$partial" ] || rm -f -- "$partial"
}

# make_scratch: a private directory in $scratch, removed when the script ends, however it ends.
make_scratch() {
	trap unwind EXIT
	trap 'exit 1' HUP INT TERM
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/$prog.XXXXXX")
}

# begin_output FILE: $partial becomes a new file beside FILE; finish_output gives it its name.
begin_output() {
	local dir
	dir=$(dirname -- "$1")
	[ -d "$dir" ] || die "cannot write $1: there is no directory $dir; create it first"
	[ ! -d "$1" ] || die "cannot write $1: it is a directory; name a file"
	partial=$(mktemp "$dir/.${1##*/}.XXXXXX") || die "cannot write in $dir; choose another place with -o"
}

# finish_output FILE: readable to all that the umask allows, then renamed.
finish_output() {
	chmod "$(printf '%o' $((0666 & ~0$(umask))))" -- "$partial"
	mv -f -- "$partial" "$1"
	partial=
}

# human BYTES: the size for a person.
human() {
	numfmt --to=iec-i --suffix=B --format=%.1f -- "$1"
}

# exists PATH: also a link that leads nowhere.
exists() {
	[ -e "$1" ] || [ -L "$1" ]
}

# is_directory PATH: a directory itself, not a link to one.
is_directory() {
	[ -d "$1" ] && [ ! -L "$1" ]
}

# modules_of DIR RELEASE: prints where in DIR (.../lib/modules/RELEASE itself, or a root directory) the modules of a
# kernel are. An empty RELEASE stands for the only one that is there.
modules_of() {
	local top dir found=()
	[ -d "$1" ] || die "there is no directory $1; check --modules"
	for top in "$1/lib/modules" "$1/usr/lib/modules"; do
		for dir in "$top"/*; do
			[ ! -d "$dir" ] || { [ -n "$2" ] && [ "${dir##*/}" != "$2" ]; } || found+=("$dir")
		done
		[ ${#found[@]} = 0 ] || break
	done
	if [ ${#found[@]} = 0 ] && [ -e "$1/modules.builtin" ]; then
		dir=$(readlink -f -- "$1")
		{ [ -n "$2" ] && [ "${dir##*/}" != "$2" ]; } || found=("$dir")
	fi
	[ ${#found[@]} -le 1 ] || die "$1 holds the modules of several kernels; choose one with --kernel: ${found[*]##*/}"
	[ ${#found[@]} = 1 ] ||
		die "$1 holds no modules of kernel ${2:-any}; unpack that kernel's package (scripts/get-kernel) and name the place with --modules DIR"
	[ -e "${found[0]}/modules.builtin" ] ||
		die "${found[0]} has no modules.builtin, so it is no complete directory of modules; unpack the kernel's package again"
	printf '%s\n' "${found[0]}"
}

# type_for DIR: the type of image that the kernel of the modules in DIR mounts soonest: the check of a module's signature
# takes longer than all else, and what is built in needs none. Without DIR it is the smallest.
type_for() {
	local modules
	[ -n "$1" ] || {
		echo squashfs
		return
	}
	modules=$(modules_of "$1" '') || return
	if grep -q '/ext4\.ko' "$modules/modules.builtin"; then echo ext4; else echo squashfs; fi
}
