#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables of common.bash
# layerboot status, which and diff, on a state directory like a boot's and the kernel's own overlay of it.

bats_require_minimum_version 1.5.0

setup() {
	load common
	layerboot=$root/build/layerboot
	[ "$(id -u)" = 0 ] || skip "needs root to mount and to make device nodes"
	cd "$BATS_TEST_TMPDIR" || return 1
	run=$BATS_TEST_TMPDIR/run
	merged=$BATS_TEST_TMPDIR/merged
	mkdir state merged
	mount -t tmpfs -o size=64m layers state
	ln -s state run
	mkdir -p state/layers/system state/layers/user state/top/upper state/top/work
	(cd state/layers/system && system_files)
	(cd state/layers/user && user_files)
	(cd state/top/upper && top_files)
	report system user
}

teardown() {
	local at
	for at in merged/usr/bin/sudo merged/var/lib/docker merged lower state; do
		! mountpoint -q "$BATS_TEST_TMPDIR/$at" || umount "$BATS_TEST_TMPDIR/$at"
	done
}

system_files() {
	mkdir -p etc/old/sub usr/bin var/lib/docker opt/tool srv/x
	ln -s usr/bin bin
	echo system >etc/motd
	head -c 286 /dev/zero >etc/issue
	echo ls >usr/bin/ls
	echo sudo >usr/bin/sudo
	echo f >etc/old/sub/f
	echo t >opt/tool/t
	echo same >etc/same
	echo perm >etc/perm
	echo size1 >etc/content
	echo a >etc/kind
	echo below >srv/x/below
	ln -s a etc/link
	ln -s ../usr/bin/ls etc/list
}

user_files() {
	mkdir -p etc/kind etc/new opt/tool usr/bin srv
	echo hello, user >etc/motd
	mknod etc/issue c 0 0
	mknod etc/old c 0 0
	setfattr -n trusted.overlay.opaque -v y opt/tool
	echo n >opt/tool/new
	echo mine >usr/bin/sudo
	cp -a ../system/etc/same etc/same
	cp -a ../system/etc/perm etc/perm
	chmod 600 etc/perm
	echo size2 >etc/content
	echo x >srv/x
	echo inner >etc/kind/inner
	ln -s b etc/link
	echo 1 >etc/new/$'two\nlines'
	echo 2 >etc/new/$'\xff'
}

top_files() {
	mkdir -p etc/old srv
	echo written >etc/written
	mknod etc/same c 0 0
	mknod srv/x c 0 0
	setfattr -n trusted.overlay.opaque -v y etc/old
	echo again >etc/old/again
}

report() { # LOWERDIR...: writes the boot's report
	local lowerdirs
	lowerdirs=$(printf '"%s",' "$@")
	cat >state/report.json <<-EOF
		{"format": 1, "layerboot": "0123abc", "result": "ok", "kernel": "$(uname -r)",
		 "manifest": {"origin": "/etc/layerboot/manifest"}, "init_us": 812345, "ready_us": 1012345,
		 "layers": [{"name": "system", "state": "found", "source": "SERIAL=system", "disk": "vda", "image": "",
		   "type": "squashfs", "identity": "sb-0123456789abcdef", "trust": "trusted", "ms": 3, "news": {}},
		  {"name": "user", "state": "found", "disk": "vdb", "image": "bundles/02-user.sb", "type": "erofs",
		   "identity": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "ms": 12},
		  {"name": "extra", "state": "absent", "source": "SERIAL=extra"}],
		 "union": {"type": "overlay", "lowerdirs": [${lowerdirs%,}]},
		 "top": {"type": "tmpfs", "lasts": false, "disk": ""},
		 "binds": [{"name": "docker", "source": "SERIAL=data", "paths": ["/var/lib/docker"]}],
		 "protect": [{"layer": "system", "path": "/usr/bin/sudo"}],
		 "changed_on_both_sides": ["/var/lib/dpkg/status"], "later": [1, {"unknown": null}]}
	EOF
}

union() { # TARGET LOWERDIRS [OPTIONS]: as the init mounts it
	mkdir -p "$1"
	mount -t overlay -o "redirect_dir=nofollow,metacopy=off,index=off,xino=off,lowerdir=$2${3:-}" overlay "$1"
}

union_of_all() {
	local layers=$run/layers
	union merged "$layers/user:$layers/system" ",upperdir=$run/top/upper,workdir=$run/top/work"
}

which_says() { # PATH WORDS
	run "$layerboot" which --run "$run" --root "$merged" "$1"
	[ "$output" = "$1$2" ] || {
		printf 'expected: %s%s\ngot: %s\n' "$1" "$2" "$output"
		return 1
	}
}

@test "guest: status is a table of at most 80 columns, the highest on top" {
	run "$layerboot" status --run "$run"
	[ "$status" = 0 ]
	[[ ${lines[0]} == LAYER*FROM*TYPE*SIZE*IDENTITY*TIME ]]
	[[ ${lines[1]} == "top "*memory*tmpfs* ]]
	[[ ${lines[2]} == "user "*vdb*erofs*"001122334455"*.."  12 ms" ]]
	[[ ${lines[3]} == "system "*vda*squashfs*"sb-0123456789abcdef  3 ms" ]]
	contains "top: tmpfs, writes are lost at power-off; "
	contains "absent: extra (SERIAL=extra)"
	contains "bound by docker: /var/lib/docker"
	contains "protected by system: /usr/bin/sudo"
	contains "boot: 200 ms, ready 1012 ms after the kernel; layerboot 0123abc"
	contains "warning: changed in the top and in the layers since, the top wins: /var/lib/dpkg/status"
	[ "$(head -n 5 <<<"$output" | awk '{ print length }' | sort -n | tail -n 1)" -le 80 ]
}

@test "guest: status --json has the same facts, whole" {
	"$layerboot" status --run "$run" --json >status.json
	[ "$(jq -r '[.layers[].name] | join(" ")' status.json)" = "extra user system" ]
	[ "$(jq -r '.layers[1].identity | length' status.json)" = 64 ]
	[ "$(jq -r '.layers[1].image' status.json)" = bundles/02-user.sb ]
	[ "$(jq -r '.top | "\(.type) \(.lasts) \(.size)"' status.json)" = "tmpfs false 67108864" ]
	[ "$(jq -r '.binds[0].paths[0] + .protect[0].path + .changed_on_both_sides[0]' status.json)" = \
		/var/lib/docker/usr/bin/sudo/var/lib/dpkg/status ]
}

@test "guest: which names the layer and what it shadows" {
	union_of_all
	which_says /etc/motd ": user (file, 12 bytes); shadows system (file, 7 bytes)"
	which_says /etc/written ": top (file, 8 bytes)"
	which_says /etc ": top (directory), user (directory), system (directory)"
	which_says /opt/tool ": user (directory, opaque); shadows system (directory)"
	which_says /etc/kind ": user (directory); shadows system (file, 2 bytes)"
	which_says / ": top (directory), user (directory), system (directory)"
}

@test "guest: which names who deleted a path, and exits with 1 for one that is nowhere" {
	union_of_all
	which_says /etc/issue ": deleted by user; was in system (file, 286 bytes)"
	[ "$status" = 0 ]
	which_says /opt/tool/t ": deleted by user; was in system (file, 2 bytes)"
	which_says /srv/x ": deleted by top; was in user (file, 2 bytes), system (directory)"
	which_says /etc/old/sub/f ": deleted by top; was in system (file, 2 bytes)"
	which_says /nope/nothing ": in no layer"
	[ "$status" = 1 ]
}

@test "guest: which goes through symlinks, and takes relative paths from where it is" {
	union_of_all
	which_says /bin/ls " -> /usr/bin/ls: system (file, 3 bytes)"
	which_says /etc/../etc//motd " -> /etc/motd: user (file, 12 bytes); shadows system (file, 7 bytes)"
	which_says /etc/list ": system (symlink to ../usr/bin/ls)
/etc/list -> /usr/bin/ls: system (file, 3 bytes)"
	which_says /etc/link ": user (symlink to b); shadows system (symlink to a)"
	which_says /bin/gone " -> /usr/bin/gone: in no layer"
	cd merged/etc
	which_says motd " -> /etc/motd: user (file, 12 bytes); shadows system (file, 7 bytes)"
	which_says ../bin/ls " -> /usr/bin/ls: system (file, 3 bytes)"
	cd /
	run "$layerboot" which --run "$run" --root "$merged" etc
	[ "$status" = 1 ]
}

@test "guest: which tells what is protected, bound or otherwise not of the union" {
	union_of_all
	mount --bind state/layers/system/usr/bin/sudo merged/usr/bin/sudo
	mkdir state/data
	echo x >state/data/x
	mount --bind state/data merged/var/lib/docker
	which_says /usr/bin/sudo ": system (file, 5 bytes), protected; hides user (file, 5 bytes)"
	which_says /var/lib/docker/x \
		": not of the union: bind docker, tmpfs on $merged/var/lib/docker"
	which_says /var/lib/docker/y \
		": not there; not of the union: bind docker, tmpfs on $merged/var/lib/docker"
	[ "$status" = 1 ]
}

@test "guest: diff of the top and of a layer" {
	run "$layerboot" diff --run "$run"
	[ "$status" = 0 ]
	diff - <(echo "$output") <<-'EOF'
		A /etc/old
		A /etc/old/again
		D /etc/same
		A /etc/written
		D /srv/x
	EOF
	run "$layerboot" diff --run "$run" user
	diff - <(echo "$output") <<-'EOF'
		C /etc/content
		D /etc/issue
		C /etc/kind
		A /etc/kind/inner
		C /etc/link
		C /etc/motd
		A /etc/new
		A /etc/new/two\x0alines
		A /etc/new/\xff
		D /etc/old
		C /etc/perm
		A /opt/tool/new
		D /opt/tool/t
		C /srv/x
		C /usr/bin/sudo
	EOF
	run "$layerboot" diff --run "$run" extra
	[ "$status" = 1 ]
	contains "extra is not in the union; there are: top user system"
}

@test "guest: diff --json is an object, also of nothing" {
	"$layerboot" diff --run "$run" --json user >user.json
	[ "$(jq -r '[.layer, (.changes | length), .changes[1].change, .changes[1].path] | join(" ")' user.json)" = \
		"user 15 deleted /etc/issue" ]
	[ "$(jq -r '.changes[7].path' user.json)" = $'/etc/new/two\nlines' ]
	rm -r state/top/upper/*
	[ "$("$layerboot" diff --run "$run" --json | jq -c .)" = '{"layer":"top","changes":[]}' ]
}

@test "guest: the layers made of .wh. files count as their layer's" {
	mkdir -p state/layers/user+below/etc state/layers/user+above/etc/new
	setfattr -n trusted.overlay.opaque -v y state/layers/user+below/etc
	echo >state/layers/user/etc/new/.wh.x
	mknod state/layers/user+above/etc/new/.wh.x c 0 0
	report system user+below user user+above
	local layers=$run/layers
	union merged "$layers/user+above:$layers/user:$layers/user+below:$layers/system" \
		",upperdir=$run/top/upper,workdir=$run/top/work"
	which_says /etc/list ": deleted by user; was in system (symlink to ../usr/bin/ls)"
	which_says /etc/new/.wh.x ": deleted by user; was in user (file, 1 bytes)"
	run "$layerboot" diff --run "$run" user
	contains "D /etc/list"
	contains "A /etc/new/two"
	[[ $output != *.wh.* ]]
}

@test "guest: diff says what a walk through the kernel's overlays says" {
	local layers=$run/layers
	mkdir empty
	list() { (cd "$1" && find . -mindepth 1 \( -type d -printf 'd /%P\n' -o -type f -printf 'f%m /%P ' -exec md5sum {} \; \
		-o -printf '%y%l /%P\n' \) | sed 's/ \([0-9a-f]*\)  .*/ \1/' | sort -k 2); }
	rm state/layers/user/etc/new/*
	union merged "$layers/user:$layers/system" ,ro
	union lower "$layers/system:$PWD/empty" ,ro
	list merged >above.list
	list lower >below.list
	awk 'function parent(p) { sub("/[^/]*$", "", p); return p }
		NR == FNR { below[$2] = $0; next }
		{ above[$2] = $0; kind[$2] = $1 }
		END {
			for (p in above)
				if (!(p in below)) print "A " p
				else if (above[p] != below[p]) print "C " p
			for (p in below)
				if (!(p in above) && (parent(p) == "" || kind[parent(p)] == "d")) print "D " p
		}' below.list above.list | sort -k 2 >expected
	"$layerboot" diff --run "$run" user | sort -k 2 >got
	diff expected got
	[ "$(wc -l <got)" -ge 12 ]
}

@test "guest: a hundred thousand new files in one directory" {
	mkdir -p state/top/upper/many
	mount -o remount,size=512m,nr_inodes=0 state
	(cd state/top/upper/many && seq -f 'a-longer-name-%06.0f' 100000 | xargs touch)
	(ulimit -v 400000 && "$layerboot" diff --run "$run" >many)
	[ "$(grep -c '^A /many/' many)" = 100000 ]
	grep '^A /many/' many | LC_ALL=C sort -c
}

@test "guest: a path that is too long is said, and the others too" {
	local name
	name=$(printf 'n%.0s' {1..250})
	(
		cd state/top/upper
		for _ in {1..18}; do
			mkdir "$name"
			cd "$name"
		done
	)
	run --separate-stderr "$layerboot" diff --run "$run"
	[ "$status" = 1 ]
	[ "$(grep -c "^A /n" <<<"$output")" = 16 ]
	[ "${lines[-1]}" = "D /srv/x" ]
	# The words of musl and of glibc.
	[[ $stderr =~ [Ff]ile\ ?name\ too\ long ]]
}

@test "guest: what cannot be is said" {
	for command in status which diff; do
		run "$layerboot" $command --help
		[ "$status" = 0 ]
		contains "examples:"
		run "$layerboot" $command --nonsense
		[ "$status" = 2 ]
		run "$layerboot" $command --run "$PWD/nothere" /
		[ "$status" = 1 ]
		contains "layerboot $command: $PWD/nothere/report.json: No such file or directory; only a guest that layerboot has booted"
		public_dir
		cp "$layerboot" "$public/layerboot"
		run as_nobody "$public/layerboot" $command --run "$run"
		rm -r "$public"
		[ "$status" = 1 ]
		contains "sudo layerboot $command"
	done
	run "$layerboot" which --run "$run"
	[ "$status" = 2 ]
	run "$layerboot" status --run "$run" x
	[ "$status" = 2 ]
	run "$layerboot" diff --run "$run" x y
	[ "$status" = 2 ]
	run "$layerboot" which --json --run "$run" /
	[ "$status" = 2 ]
	echo '{"format": 1' >state/report.json
	run "$layerboot" status --run "$run"
	[ "$status" = 1 ]
	contains "it is no boot report"
	echo '{"format": 2}' >state/report.json
	run "$layerboot" diff --run "$run"
	contains "another format"
	report system user gone
	run "$layerboot" diff --run "$run"
	[ "$status" = 1 ]
	contains "/layers/gone: No such file or directory; has the layer been unmounted?"
	sed -i 's/"type": "tmpfs"/"type": "none"/; s/,"gone"//' state/report.json
	run "$layerboot" diff --run "$run"
	[ "$status" = 1 ]
	contains "no writable top"
}
