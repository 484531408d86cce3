#!/usr/bin/env bats
# scripts/bench-fs and scripts/bench-fleet: wrong usage, and the smallest run of each. No time is asserted.
# shellcheck disable=SC2154 # the variables of common.bash

setup() {
	load common
	bats_require_minimum_version 1.5.0
}

@test "--help has examples and the exit status" {
	local script
	for script in bench-fs bench-fleet; do
		run "$scripts/$script" --help
		[ "$status" -eq 0 ]
		contains 'exit status: 0'
		[ "$(grep -c "^  scripts/$script" <<<"$output")" -ge 2 ]
	done
}

@test "wrong usage is 2" {
	local arguments
	for arguments in "bench-fs --types xfs" "bench-fs --rounds 0" "bench-fs --layers 201" "bench-fs --clock sun" \
		"bench-fs word" "bench-fleet --guests 0" "bench-fleet --upgrades x" "bench-fleet --nonsense"; do
		# shellcheck disable=SC2086
		run "$scripts/"$arguments
		[ "$status" -eq 2 ] || {
			echo "$arguments: status $status"
			return 1
		}
	done
}

@test "bench-fs: every view has done every work" {
	run --separate-stderr "$scripts/bench-fs" --types squashfs --rounds 1 --runtime 20 --files 20 --layers 1,200 \
		--clock wall --json
	[ "$status" -eq 0 ] || {
		echo "$stderr"
		return 1
	}
	jq -e 'all(.[]; .value > 0)' <<<"$output"
	# eight jobs of fio, six on unionfs-fuse, two walks and PostMark twice; unions copy up, too; the bind has PostMark alone;
	# 2 times 3 lookups
	[ "$(jq 'length' <<<"$output")" -eq $((12 + 3 * 13 + 11 + 2 + 6)) ]
}

@test "bench-fleet: one guest of each kind boots, and upgrades itself" {
	[ -e "$root/build/demo/system.img" ] || skip "build/demo is not built"
	run --separate-stderr "$scripts/bench-fleet" --guests 1 --upgrades 1 --json
	[ "$status" -eq 0 ] || {
		echo "$stderr"
		return 1
	}
	# one guest, what 10,000 come to, and the same after an upgrade for those that upgrade themselves
	[ "$(jq -r '.[] | "\(.kind) \(.guests) \(.upgrades)"' <<<"$output")" = "shared 1 0
shared 10000 0
full 1 0
full 1 1
full 10000 0
full 10000 1
qcow2 1 0
qcow2 1 1
qcow2 10000 0
qcow2 10000 1" ]
	jq -e 'all(.[]; .on_host > 0) and all(.[] | select(.upgrades == 0); .requested > 1000000)' <<<"$output"
	jq -e '.[0].over_nbd > 1000000 and .[0].upgrade_written > 1000000 and .[3].upgrade_written > 1000000' <<<"$output"
}
