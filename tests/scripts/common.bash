# shellcheck shell=bash disable=SC2034,SC2154 # used by the tests; set by bats
# What the tests of the scripts share.

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
scripts=$root/scripts

# kernel FLAVOUR: $kernel becomes the directory and $release the release of a kernel, fetched once for all tests.
kernel() {
	kernel=$root/build/kernels/$1
	release=$("$scripts/get-kernel" "$1" --out "$kernel")
}

# A directory that other users can enter, unlike those of bats.
public_dir() {
	public=$(mktemp -d "${TMPDIR:-/tmp}/layerboot-test.XXXXXX")
	chmod 755 "$public"
}

# as_nobody COMMAND...: without root's rights. Who has none runs it as himself.
as_nobody() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all -- "$@"
	else
		"$@"
	fi
}

# contains TEXT: the output of the last run has it.
contains() {
	[[ $output == *"$1"* ]] || {
		printf 'expected: %s\ngot:\n%s\n' "$1" "$output"
		return 1
	}
}

# matches REGEX: a line of the output of the last run does.
matches() {
	grep -qE -- "$1" <<<"$output" || {
		printf 'expected a line like: %s\ngot:\n%s\n' "$1" "$output"
		return 1
	}
}
