#!/usr/bin/env bats
# scripts/boot-chart: what stands in the picture, and what is said about a file that is no report.
# shellcheck disable=SC2154 # the variables of common.bash

setup() {
	load common
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_TMPDIR" || return 1
	report report.json
}

# report FILE [JQ]: a boot of one layer, with what JQ makes of it.
report() {
	jq "${2:-.}" >"$1" <<-'END'
		{"format": 1, "result": "ok", "kernel": "6.1.0-test", "init_us": 1000000, "ready_us": 1300000, "steps": [
		 {"step": "mount proc on /proc type proc (rw)", "start_us": 1001000, "us": 2000},
		 {"step": "mkdir /run/layerboot/layers mode=0700", "start_us": 1003000, "us": 345},
		 {"step": "mkdir /run/layerboot/images mode=0700", "start_us": 1100000, "us": 100},
		 {"step": "layer system: mount /dev/vda on /run/layerboot/images/system type erofs (ro)", "start_us": 1100100, "us": 29900},
		 {"step": "top: mount /dev/vdb on /run/layerboot/top type ext4 (rw)", "start_us": 1120000, "us": 20000},
		 {"step": "data: mount /dev/vdc on /run/layerboot/binds/data type ext4 (rw)", "start_us": 1120000, "us": 1111},
		 {"step": "union overlay on /sysroot (rw,lowerdir=system)", "start_us": 1150000, "us": 11000},
		 {"step": "layer system: protect /etc/passwd", "start_us": 1170000, "us": 1000},
		 {"step": "bind data: /srv from /run/layerboot/binds/data", "start_us": 1180000, "us": 2222},
		 {"step": "find-init in /sysroot: /sbin/init", "start_us": 1200000, "us": 6000}]}
	END
}

chart() {
	run --separate-stderr "$scripts/boot-chart" "$@"
}

refuses() { # STATUS TEXT
	[[ $status -eq $1 && $stderr == *"$2"* && ! -e out.svg ]] || {
		printf 'status %s, expected %s and: %s\n%s\n' "$status" "$1" "$2" "$stderr"
		return 1
	}
}

# The texts of the picture, a line each; the names stand before the times.
texts() {
	python3 -c 'import re, sys, xml.etree.ElementTree as e
for text in e.parse(sys.argv[1]).iter("{http://www.w3.org/2000/svg}text"):
    print(re.sub(r"^\s+|\s+$", "", "".join(text.itertext())))' "$1"
}

# shows ROW TIME: the row has that time at work.
shows() {
	texts out.svg | grep -A1 -Fx "$1" | grep -Fx "$2 µs" >/dev/null || {
		printf 'no row %s with %s in:\n' "$1" "$2"
		texts out.svg
		return 1
	}
}

@test "--help has examples and the exit status" {
	run "$scripts/boot-chart" --help
	[ "$status" -eq 0 ]
	contains 'exit status: 0'
	[ "$(grep -c '^  scripts/boot-chart' <<<"$output")" -ge 2 ]
}

@test "a row for each part, with the time at work" {
	chart report.json -o out.svg
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	shows 'whole boot' 300,000
	shows bootstrap 2,345
	shows 'layer system' 30,000
	shows top 20,000
	shows 'bind data' 3,333
	shows union 11,000
	shows hand-over 7,000
	# 300,000 but for all of these, with 10,000 of the top beside the layer and of the bind beside both.
	shows 'between steps' 237,433
	texts out.svg | grep -Fx 'report, kernel 6.1.0-test: ready after 300,000 µs'
}

@test "the same reports give the same bytes" {
	report second.json '.kernel = "6.12"'
	chart report.json second.json -o out.svg
	chart report.json second.json -o again.svg
	cmp out.svg again.svg
	[ "$(stat -c %a out.svg)" = "$(printf '%o' $((0666 & ~$(umask))))" ]
}

@test "several reports stand on one scale, called by what tells their files apart" {
	mkdir -p runs/cloud runs/generic
	report runs/cloud/report.json
	report runs/generic/report.json '.ready_us = 2500000'
	chart runs/cloud/report.json runs/generic/report.json -o out.svg
	[ "$status" -eq 0 ]
	texts out.svg | grep -F 'cloud, kernel 6.1.0-test: ready after 300,000 µs'
	texts out.svg | grep -F 'generic, kernel 6.1.0-test: ready after 1,500,000 µs'
	[ "$(texts out.svg | grep -cFx '1,500,000')" -eq 0 ]
	[ "$(texts out.svg | grep -cFx '1,400,000')" -eq 1 ]
}

@test "a boot that failed says how, also before its first step" {
	report report.json '.result = "failed" | .failure = {"word": "layer-missing"} | .kernel = "" | .steps = []'
	chart report.json -o out.svg
	[ "$status" -eq 0 ]
	texts out.svg | grep -Fx 'report, kernel not known: failed: layer-missing after 300,000 µs'
	shows 'between steps' 300,000
}

@test "of many layers the longest have their own row" {
	report report.json '.steps += [range(40) | {"step": "layer many.\(.): mount", "start_us": (1210000 + . * 1000), "us": (. + 1)}]'
	chart report.json -o out.svg
	[ "$status" -eq 0 ]
	shows 'layer many.39' 40
	# 1 to 32: the nine longest are the system's and those of 33 to 40.
	shows '32 more layers' 528
	[ "$(texts out.svg | grep -c '^layer ')" -eq 9 ]
}

@test "modules that are steps are a part of their own" {
	report report.json '.steps += [{"step": "module overlay", "start_us": 1141000, "us": 5000}]'
	chart report.json -o out.svg
	shows modules 5,000
}

@test "what a guest writes is text" {
	export evil="50%d \`touch pwned\` '; system('touch pwned'); @x <b>\\n\"{/Bold"
	report report.json '.kernel = env.evil | .steps += [{"step": "layer \(env.evil)", "start_us": 1210000, "us": 1234},
		{"step": "bind \u0001\u202e: x", "start_us": 1210000, "us": 1235}]'
	chart report.json -o out.svg
	[ "$status" -eq 0 ]
	[ ! -e pwned ]
	texts out.svg | grep -F "$evil"
	shows 'layer 50%d' 1,234
}

@test "what is wrong with a report is said with its file, and no picture is made" {
	chart report.json nowhere.json -o out.svg
	refuses 1 'nowhere.json cannot be read: No such file'
	head -c 300 report.json >cut.json
	chart cut.json -o out.svg
	refuses 1 'cut.json is no JSON'
	printf '\xff' >bytes.json
	chart bytes.json -o out.svg
	refuses 1 'bytes.json is no JSON'
	local change
	for change in '[]' 'del(.steps)' '.steps = {}' '.steps[0] = 1' '.steps[1].us = "1"' '.steps[1].us = -1' \
		'.steps[1].us = true' '.steps[0].start_us = 1' '.init_us = 2000000' '.ready_us = 1e30' '.result = 1' \
		'.result = "failed"' '.kernel = null' 'del(.steps[2].step)'; do
		report bad.json "$change"
		chart bad.json -o out.svg
		refuses 1 'bad.json is no boot report'
	done
}

@test "wrong usage is 2, what cannot be written or drawn 1" {
	chart -o out.svg
	refuses 2 REPORT
	chart report.json
	refuses 2 --output
	chart report.json -o nowhere/out.svg
	refuses 1 'nowhere/out.svg cannot be written: No such file'
	mkdir directory bin
	chart report.json -o directory
	refuses 1 'directory cannot be written'
	run --separate-stderr env PATH="$PWD/bin" "$(python3 -c 'import sys; print(sys.executable)')" "$scripts/boot-chart" \
		report.json -o out.svg
	refuses 1 'gnuplot-nox'
	printf '#!/bin/sh\necho "line 1: broken" >&2\nexit 3\n' >bin/gnuplot
	chmod +x bin/gnuplot
	PATH=$PWD/bin:$PATH chart report.json -o out.svg
	refuses 1 'gnuplot failed with status 3: line 1: broken'
	[ -z "$(find . -name '.*.??????*')" ]
}
