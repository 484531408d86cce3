#!/usr/bin/env bats
# scripts/bench-boot: one real run, what it makes of results, and what it says about wrong ones. No time is asserted.
# shellcheck disable=SC2154 # the variables of common.bash

setup() {
	load common
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_TMPDIR" || return 1
}

# results FILE [CONTENDER=MS]...: a CSV file as --csv writes it.
results() {
	python3 - "$root" "$@" <<-'END'
		import sys
		sys.path[:0] = [sys.argv[1] + "/tests/bench", sys.argv[1] + "/scripts"]
		sys.dont_write_bytecode = True
		import boot_table
		rows = []
		for word in sys.argv[3:]:
		    name, ms = word.split("=")
		    row = dict.fromkeys(boot_table.COLUMNS)
		    row.update(date="2026-01-01", machine="made up", kernel="cloud", release="6.1.0-test", contender=name,
		               union="yes", layers=2, runs=1, initramfs_bytes=1000000, syscalls=100, modules=8, module_bytes=700000,
		               init_ms=float(ms), init_ms_min=float(ms), init_ms_max=float(ms), init_minstr=float(ms),
		               init_minstr_min=float(ms), init_minstr_max=float(ms), loading_minstr=140.0)
		    for column in ("boot_ms", "boot_minstr"):
		        for end in ("", "_min", "_max"):
		            row[column + end] = float(ms) + 1000
		    rows.append(row)
		with open(sys.argv[2], "w") as f:
		    f.write(boot_table.csv_text(rows))
	END
}

bench() {
	run --separate-stderr "$scripts/bench-boot" "$@"
}

@test "--help has examples, the contenders and the exit status" {
	bench --help
	[ "$status" -eq 0 ]
	contains 'exit status: 0'
	contains 'dracut-systemd'
	[ "$(grep -c '^  scripts/bench-boot' <<<"$output")" -ge 2 ]
}

@test "wrong usage is 2" {
	local arguments
	for arguments in "--only nobody" "--only floor,nobody" "--runs 0" "--runs x" "--jobs 0" "--kernel 5.10" \
		"--tolerance x" "--tolerance -1%" "--nonsense" "word"; do
		# shellcheck disable=SC2086
		bench $arguments
		[ "$status" -eq 2 ] || {
			echo "$arguments: status $status"
			return 1
		}
	done
	bench --only nobody
	[[ $stderr == *"no contender nobody; there are floor, layerboot"* ]]
}

@test "a table, goals, JSON, CSV and a chart come of earlier results" {
	results old.csv floor=150 layerboot=153 busybox=180
	bench --from old.csv --csv new.csv --chart out.svg
	[ "$status" -eq 0 ]
	matches '^\| layerboot \| 2 images \| 1 \| 153 \(153-153\) \| 153 \(153-153\) \| 1,153 '
	matches '^met    layerboot against the floor: 1\.020 times, goal 1\.030'
	matches '^MISSED the floor outside of module loading|^met    the floor outside of module loading'
	cmp old.csv new.csv
	grep -q 'layerboot, 2 images' out.svg
	bench --from old.csv --json --only layerboot
	[ "$(jq -r '.[] | "\(.contender) \(.init_ms)"' <<<"$output")" = "layerboot 153" ]
}

@test "a missed goal is said" {
	results old.csv floor=150 layerboot=160
	bench --from old.csv
	[ "$status" -eq 0 ]
	matches '^MISSED layerboot against the floor: 1\.067 times, goal 1\.030'
}

@test "of several results the last one of a contender counts" {
	results one.csv floor=150 layerboot=200
	results two.csv layerboot=151
	bench --from one.csv --from two.csv --json
	[ "$(jq -r '.[] | "\(.contender) \(.init_ms)"' <<<"$output")" = $'floor 150\nlayerboot 151' ]
}

@test "--baseline passes within the tolerance" {
	results before.csv floor=150 layerboot=150
	results now.csv floor=150 layerboot=154
	bench --from now.csv --baseline before.csv --tolerance 3%
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
}

@test "--baseline fails on a regression and names it" {
	results before.csv floor=150 layerboot=150
	results now.csv floor=150 layerboot=156
	bench --from now.csv --baseline before.csv --tolerance 3%
	[ "$status" -eq 1 ]
	[[ $stderr == *"regression: layerboot on cloud: init to real init, ms: 150.0 before, 156.0 now (+4.0 %)"* ]]
	bench --from now.csv --baseline before.csv --tolerance 5
	[ "$status" -eq 0 ]
}

@test "--baseline does not watch what is not layerboot's, and has to have something of it" {
	results before.csv floor=150 layerboot=150 busybox=180
	results now.csv floor=150 layerboot=150 busybox=500
	bench --from now.csv --baseline before.csv
	[ "$status" -eq 0 ]
	results before.csv floor=150
	bench --from now.csv --baseline before.csv
	[ "$status" -eq 1 ]
	[[ $stderr == *"the baseline has no contender of layerboot's own"* ]]
}

@test "files that are no results are 1, and named" {
	echo nonsense >bad.csv
	bench --from bad.csv
	[ "$status" -eq 1 ]
	[[ $stderr == *"bad.csv is no CSV file of bench-boot"* ]]
	bench --from absent.csv
	[ "$status" -eq 1 ]
	[[ $stderr == *"absent.csv cannot be read"* ]]
	results good.csv layerboot=150
	bench --from good.csv --baseline bad.csv
	[ "$status" -eq 1 ]
}

@test "floor and layerboot are really booted" {
	[ -x "$root/build/layerboot" ] || skip "build/layerboot is not built"
	bench --only floor,layerboot --runs 1 --kernel cloud --csv real.csv --json
	[ "$status" -eq 0 ] || {
		echo "$stderr"
		return 1
	}
	jq -e 'length == 2 and all(.[]; .init_minstr > 0 and .init_ms > 0 and .boot_ms > .init_ms and .syscalls > 20 and
		.modules >= 6 and .module_bytes > 100000)' <<<"$output"
	jq -e '.[0].contender == "floor" and .[0].loading_minstr > 0 and .[0].loading_minstr < .[0].init_minstr' <<<"$output"
	[ "$(wc -l <real.csv)" -eq 3 ]
}
