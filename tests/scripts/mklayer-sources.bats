#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables of common.bash
# scripts/mklayer: layers made by a command, again on another base, of a container image, of a guest's top.

setup() {
	load common
	mklayer=$scripts/mklayer
	cd "$BATS_TEST_TMPDIR" || return 1
	# A base that a command can run in, with a shell for all programs.
	mkdir -p sys/bin sys/etc/private sys/opt/old sys/srv
	cp "$(command -v busybox)" sys/bin/busybox
	ln -s busybox sys/bin/sh
	echo system >sys/etc/motd
	echo issue >sys/etc/issue
	echo old >sys/opt/old/file
	ln -s ../run/resolv.conf sys/etc/resolv.conf
	chmod 700 sys/etc/private
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root to mount"
}

base() { # NAME TYPE [OPTION]...
	"$mklayer" sys -o "$1" --type "$2" --owner root "${@:3}"
}

list() { # IMAGE: mode, owner and path of all that is in it, as the kernel sees it
	mkdir -p mnt
	mount -o ro,loop "$1" mnt
	(cd mnt && find . -mindepth 1 -printf '%P %M %U:%G\n' | sort && getfattr -dR -m trusted . 2>/dev/null)
	umount mnt
}

@test "mklayer --: just what the command changed, for every type of base" {
	need_root
	for type in squashfs erofs ext4; do
		base sys.img $type
		"$mklayer" --base sys.img -o web.img -- /bin/sh -euc '
			PATH=/bin
			busybox echo web >/etc/motd
			busybox rm /etc/issue
			busybox rm -r /opt/old
			busybox mkdir /opt/old
			busybox touch /opt/old/new /tmp/gone /run/gone /dev/gone
			busybox cp /bin/busybox /srv/tool
			busybox chown 3:4 /srv/tool
			busybox chmod 4755 /srv/tool
			busybox test -c /dev/null
			busybox test -e /proc/self
			busybox test -x /usr/sbin/policy-rc.d
			busybox grep -q . /etc/resolv.conf
			busybox touch /etc/private/x
			busybox rm /etc/private/x'
		run list web.img
		[ "$status" = 0 ]
		[ "$output" = "etc drwxr-xr-x 0:0
etc/issue c--------- 0:0
etc/motd -rw-r--r-- 0:0
opt drwxr-xr-x 0:0
opt/old drwxr-xr-x 0:0
opt/old/new -rw-r--r-- 0:0
srv drwxr-xr-x 0:0
srv/tool -rwsr-xr-x 3:4
usr drwxr-xr-x 0:0
usr/lib drwxr-xr-x 0:0
usr/lib/layerboot drwxr-xr-x 0:0
usr/lib/layerboot/layers drwxr-xr-x 0:0
usr/lib/layerboot/layers/web -rw-r--r-- 0:0
# file: opt/old
trusted.overlay.opaque=\"y\"" ]
	done
}

@test "mklayer --: the record names the bases as a boot does, in a partition too, and the words of the command" {
	need_root
	base sys.img squashfs --gpt
	mkdir mid
	echo mid >mid/file
	"$mklayer" mid -o mid.img
	"$mklayer" --base sys.img --base mid.img -o web.img --name web-server -- /bin/sh -c ':' 'two words' $'a\nb\\c'
	identity=$("$root/build/layerboot" identity mid.img)
	sys=$("$root/build/layerboot" identity sys.img)
	[ "$(unsquashfs -cat web.img usr/lib/layerboot/layers/web-server)" = "version = 1
base = ${sys%% *} sys.img
base = ${identity%% *} mid.img
argument = /bin/sh
argument = -c
argument = :
argument = two words
argument = a\\nb\\\\c" ]
	# What the boot's own code makes of it.
	"$mklayer" sys -o other.img --delete etc/gone
	printf 'version = 1\n[layer a]\nsource = SERIAL=a\n[layer b]\nsource = SERIAL=b\n[layer c]\nsource = SERIAL=c\nbase-mismatch = error\n' >m
	run "$root/build/layerboot" check --manifest m a=mid.img b=other.img c=web.img
	[ "$status" = 1 ]
	contains 'error[base-mismatch]: layer "c": it was made on '
	sed -i '$d' m
	run "$root/build/layerboot" check --manifest m a=mid.img b=other.img c=web.img
	contains 'warning[base-mismatch]: layer "c": it was made on '
}

@test "mklayer --: a command that fails leaves nothing" {
	need_root
	base sys.img squashfs
	run "$mklayer" --base sys.img -o web.img -- /bin/sh -c 'exit 7'
	[ "$status" = 1 ]
	contains "ended with 7, and no layer is made"
	[ ! -e web.img ]
	run "$mklayer" --base sys.img -o web.img --shell <<<'exit 1'
	[ "$status" = 1 ]
	[ ! -e web.img ]
	grep -q "$BATS_TEST_TMPDIR" /proc/mounts && return 1
	losetup -n -O BACK-FILE | grep -q "$BATS_TEST_TMPDIR" && return 1
	true
}

@test "mklayer --shell: what was typed is in the layer, and --rebase says that nobody knows it" {
	need_root
	base sys.img squashfs
	"$mklayer" --base sys.img -o web.img --shell <<<'echo typed >/etc/motd'
	[ "$(unsquashfs -cat web.img etc/motd)" = typed ]
	run "$mklayer" --rebase sys.img web.img -o web2.img
	[ "$status" = 1 ]
	contains "was made in a shell"
}

@test "mklayer --rebase: the command again, on the new base; the same bytes with SOURCE_DATE_EPOCH" {
	need_root
	export SOURCE_DATE_EPOCH=1000000000
	base sys.img squashfs
	# shellcheck disable=SC2016 # expanded in the union
	"$mklayer" --base sys.img -o web.img -- /bin/sh -c 'read -r x </etc/motd; echo "$x $1" >/etc/merged' - 'a  b'
	"$mklayer" --rebase sys.img web.img -o same.img
	cmp web.img same.img
	echo two >sys/etc/motd
	for type in erofs ext4; do
		base sys2.img $type
		"$mklayer" --rebase sys2.img web.img -o web2.img
		[ "$(unsquashfs -cat web2.img etc/merged)" = "two a  b" ]
		[ "$(unsquashfs -cat web2.img usr/lib/layerboot/layers/web | sed -n 's/^base = //p')" = \
			"$("$root/build/layerboot" identity sys2.img | cut -d' ' -f1) sys2.img" ]
		"$mklayer" --rebase sys.img web.img -o old.img --type $type
		"$mklayer" --rebase sys2.img old.img -o web3.img
		cmp web2.img web3.img
	done
	run "$mklayer" --rebase sys.img sys.img -o web4.img
	[ "$status" = 1 ]
	contains "has 0 records"
	run "$mklayer" --rebase sys.img --base sys2.img web.img -o web4.img
	[ "$status" = 1 ]
	contains "was made on 1 images"
}

container() { # an OCI layout of three layers in oci/, each compressed in its way
	mkdir -p l1/etc l1/opt/a l2/etc l2/opt/a l3/opt
	echo 1 >l1/etc/one
	ln l1/etc/one l1/etc/hard
	echo 1 >l1/opt/a/one
	echo 1 >l1/opt/kind
	touch l2/etc/.wh.one l2/opt/a/.wh..wh..opq
	echo 2 >l2/opt/a/two
	echo 3 >l3/three
	mkdir l3/opt/kind
	chmod 2755 l3/opt/kind
	[ "$(id -u)" != 0 ] || setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 l1/opt/kind
	python3 - <<-'END'
		import hashlib, json, pathlib, subprocess
		blobs = pathlib.Path("oci/blobs/sha256")
		blobs.mkdir(parents=True)
		def blob(data):
		    name = hashlib.sha256(data).hexdigest()
		    (blobs / name).write_bytes(data)
		    return "sha256:" + name
		def run(*command, **options):
		    return subprocess.run(command, stdout=subprocess.PIPE, check=True, **options).stdout
		layers = []
		for number, packer in ((1, "gzip"), (2, "zstd"), (3, None)):
		    data = run("tar", "-C", f"l{number}", "--xattrs", "--xattrs-include=*", "--format=posix", "-cf", "-", ".")
		    if number == 2:
		        data = data.rstrip(b"\0") # as umoci leaves it
		    layers.append({"mediaType": "x", "digest": blob(run(packer, input=data) if packer else data)})
		manifest = blob(json.dumps({"layers": layers}).encode())
		json.dump({"manifests": [{"digest": manifest}]}, open("oci/index.json", "w"))
		names = ["blobs/sha256/" + layer["digest"][7:] for layer in layers]
		json.dump([{"Layers": names}], open("saved.json", "w"))
	END
}

@test "mklayer --from-oci: a layer each, with overlay's deletions and a manifest" {
	need_root
	container
	run "$mklayer" --from-oci oci -o box.img
	[ "$status" = 0 ]
	contains $'[layer box-1]\nsource = SERIAL=box-1\n\n[layer box-2]'
	run list box-1.img
	contains "etc/one -rw-r--r-- 0:0"
	mount -o ro,loop box-1.img mnt
	run getfattr -m security -d mnt/opt/kind
	[ mnt/etc/one -ef mnt/etc/hard ]
	umount mnt
	contains security.capability
	run list box-2.img
	contains "etc/one crw------- 0:0"
	contains $'# file: opt/a\ntrusted.overlay.opaque="y"'
	[[ $output != *.wh.* ]]
	mkdir low1 low2 low3
	for i in 1 2 3; do mount -o ro,loop box-$i.img low$i; done
	mount -t overlay -o ro,lowerdir=low3:low2:low1 overlay mnt
	ls -A mnt mnt/etc mnt/opt mnt/opt/a >seen
	umount mnt low1 low2 low3
	[ "$(paste -sd' ' seen)" = "mnt: etc opt three usr  mnt/etc: hard  mnt/opt: a kind  mnt/opt/a: two" ]
	[ "$(unsquashfs -cat box-3.img usr/lib/layerboot/layers/box-3 | sed -n 's/^base = //p')" = \
		"$(for i in 1 2; do echo "$("$root/build/layerboot" identity box-$i.img | cut -d' ' -f1) box-$i.img"; done)" ]
	# Each lies on those below it.
	run "$root/build/layerboot" check --manifest <(printf 'version = 1\n'
		printf '[layer l%d]\nsource = SERIAL=l%d\n' 1 1 2 2 3 3) l1=box-1.img l2=box-2.img l3=box-3.img
	[[ $output != *base-mismatch* ]]
}

@test "mklayer --from-oci --verity: the manifest has the root hash of each layer" {
	container
	for i in 1 2 3; do chmod -R u+w l$i; done
	"$mklayer" --from-oci oci -o box.img --verity >said
	{
		printf 'version = 1\n'
		sed -n '/^\[layer/,$p' said
	} >manifest
	[ "$(grep -c '^verity = ' manifest)" = 3 ]
	grep -q '^verity = ' <(sed '/^\[layer/,$d' said) && return 1
	"$root/build/layerboot" plan --manifest manifest box-1=box-1.img box-2=box-2.img box-3=box-3.img
	# Each hash is that of its image: the tree is computed again.
	run "$root/build/layerboot" check --manifest manifest box-1=box-1.img box-2=box-2.img box-3=box-3.img
	[[ $output != *layer-corrupt* ]]
	sed -i 's/box-2.img/box-1.img/' manifest
	printf x | dd of=box-2.img bs=1 seek=100 conv=notrunc status=none
	run "$root/build/layerboot" check --manifest manifest box-1=box-1.img box-2=box-2.img box-3=box-3.img
	contains 'error[layer-corrupt]: layer "box-2"'
}

@test "mklayer --from-oci --merge: one image, the same of a layout, its tar and docker save" {
	container
	"$mklayer" --from-oci oci --merge -o box.img
	run unsquashfs -lln box.img
	matches 'drwxr-sr-x 0/0 .* squashfs-root/opt/kind$'
	contains squashfs-root/etc/hard
	[[ $output != *etc/one* && $output != *opt/a/one* && $output != *.wh.* ]]
	tar -C oci -cf oci.tar .
	"$mklayer" --from-oci oci.tar --merge -o box2.img
	cmp box.img box2.img
	mv saved.json oci/manifest.json
	rm oci/index.json
	tar -C oci -cf saved.tar manifest.json blobs
	"$mklayer" --from-oci saved.tar --merge -o box3.img
	cmp box.img box3.img
}

@test "mklayer --from-oci: what is damaged or dangerous is refused" {
	container
	for f in oci/blobs/sha256/*; do
		gzip -t "$f" 2>/dev/null && printf x >>"$f"
	done
	run "$mklayer" --from-oci oci --merge -o box.img
	[ "$status" = 1 ]
	contains "is damaged"
	mkdir evil
	python3 - <<-'END'
		import io, json, tarfile
		for name, entries in (("dots", ["../../x"]), ("link", ["a>/etc", "a/passwd"])):
		    with tarfile.open(f"evil/{name}.tar", "w") as tar:
		        for entry in entries:
		            path, _, target = entry.partition(">")
		            member = tarfile.TarInfo(path)
		            if target:
		                member.type, member.linkname = tarfile.SYMTYPE, target
		            tar.addfile(member, io.BytesIO())
	END
	for name in dots link; do
		printf '[{"Layers": ["%s.tar"]}]' $name >evil/manifest.json
		run "$mklayer" --from-oci evil --merge -o box.img
		[ "$status" = 1 ]
		contains "mklayer: error: evil: "
	done
	run "$mklayer" --from-oci l1 -o box.img
	[ "$status" = 1 ]
	[ ! -e box.img ]
}

@test "mklayer --from-top: what a guest wrote, with its deletions" {
	need_root
	mkdir -p top/d/upper/etc/private top/d/upper/opt/old top/d/upper/var/log top/d/work
	echo mine >top/d/upper/etc/motd
	mknod top/d/upper/etc/issue c 0 0
	setfattr -n trusted.overlay.opaque -v y top/d/upper/opt/old
	setfattr -n trusted.overlay.opaque -v y top/d/upper/var
	setfattr -n trusted.overlay.origin -v 0x00 top/d/upper/etc/motd
	chmod 700 top/d/upper/etc/private
	echo log >top/d/upper/var/log/syslog
	truncate -s 8M state.img
	mke2fs -q -t ext4 -d top state.img
	base sys.img squashfs
	"$mklayer" --from-top state.img --subdir d --omit var/log -o whole.img
	run list whole.img
	contains "etc/issue crw-r--r-- 0:0"
	contains $'# file: opt/old\ntrusted.overlay.opaque="y"'
	contains "etc/private drwx------"
	[[ $output != *syslog* && $output != *origin* ]]
	# On its base, what says nothing is left out.
	"$mklayer" --from-top state.img --subdir d --base sys.img -o slim.img
	run list slim.img
	contains $'# file: opt/old\ntrusted.overlay.opaque="y"'
	contains "var/log/syslog"
	[[ $output != *etc/private* && $output != *"file: var"* ]]
	[ "$(unsquashfs -cat slim.img usr/lib/layerboot/layers/slim | sed -n 's/^base = //p')" = \
		"$("$root/build/layerboot" identity sys.img | cut -d' ' -f1) sys.img" ]
	run "$mklayer" --from-top state.img -o none.img
	[ "$status" = 1 ]
	contains "has no upper"
}

@test "mklayer --from-top: of an xfs, and of a partition; one that was not cleanly unmounted is refused" {
	need_root
	# xfs wants 300 MB; they are sparse.
	truncate -s 320M state.img
	mkfs.xfs -q state.img || skip "no mkfs.xfs"
	mkdir mnt
	mount -o loop state.img mnt || skip "this kernel has no xfs"
	mkdir -p mnt/upper/opt/old mnt/work
	echo mine >mnt/upper/motd
	mknod mnt/upper/issue c 0 0
	setfattr -n trusted.overlay.opaque -v y mnt/upper/opt/old
	sync -f mnt
	cp --sparse=always state.img crashed.img
	umount mnt
	"$mklayer" --from-top state.img -o top.img
	run list top.img
	contains "issue crw-r--r-- 0:0"
	contains $'# file: opt/old\ntrusted.overlay.opaque="y"'
	run "$mklayer" --from-top crashed.img -o top.img
	[ "$status" = 1 ]
	contains "if it was not cleanly unmounted"
	"$mklayer" sys -o part.img --type ext4 --gpt
	run "$mklayer" --from-top part.img -o top.img
	[ "$status" = 1 ]
	contains "part.img has no upper"
}

# as_ordinary COMMAND...: as nobody, who has a range of subordinate IDs for the time of it.
as_ordinary() {
	printf 'nobody:200000:65536\n' >ids
	# shellcheck disable=SC2016 # expanded in the namespace
	unshare --mount --propagation private bash -euc 'mount --bind ids /etc/subuid
		mount --bind ids /etc/subgid
		exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"' - "$@"
}

@test "mklayer --: an ordinary user gets the same layer in a user namespace" {
	need_root
	public_dir
	as_ordinary unshare --user --map-root-user --map-auto true || skip "this machine lets nobody make user namespaces"
	# Where he can reach it, whatever the modes above this tree.
	mkdir -p "$public/x/build" "$public/out"
	cp -R "$scripts" "$public/x/"
	cp "$root/build/layerboot" "$public/x/build/"
	make=(env SOURCE_DATE_EPOCH=1000000000 "TMPDIR=$public/out" "$public/x/scripts/mklayer")
	chown 65534:65534 "$public/out"
	public=$public/out
	# shellcheck disable=SC2016 # expanded in the union
	command=(/bin/sh -euc 'PATH=/bin; busybox echo web >/etc/motd; busybox rm /etc/issue; busybox rm -r /opt/old
		busybox mkdir /opt/old; busybox touch /opt/old/new; busybox cp /bin/busybox /srv/tool; busybox chown 3:4 /srv/tool
		busybox chmod 4755 /srv/tool; busybox test "$(busybox id -u)" = 0')
	for type in squashfs erofs ext4; do
		base "$public/sys.img" $type
		chmod 644 "$public/sys.img"
		as_ordinary "${make[@]}" --base "$public/sys.img" -o "$public/web.img" -- "${command[@]}"
		"${make[@]}" --base "$public/sys.img" -o root.img --name web -- "${command[@]}"
		cmp "$public/web.img" root.img
		as_ordinary "${make[@]}" --rebase "$public/sys.img" "$public/web.img" -o "$public/again.img"
		cmp "$public/again.img" root.img
	done
	run as_ordinary "${make[@]}" --base "$public/sys.img" -o "$public/none.img" -- /bin/sh -c 'exit 7'
	[ "$status" = 1 ]
	[ ! -e "$public/none.img" ]
	# Nothing is left of it.
	[ "$(ls "$public")" = "again.img
sys.img
web.img" ]
	rm -r "${public%/out}"
}

@test "mklayer: package databases of two siblings are named, by mklayer and by check" {
	need_root
	mkdir -p sys/var/lib/dpkg a/var/lib/dpkg b/var/lib/dpkg
	echo sys >sys/var/lib/dpkg/status
	echo a >a/var/lib/dpkg/status
	echo b >b/var/lib/dpkg/status
	base sys.img squashfs
	"$mklayer" a -o a.img --base sys.img
	run "$mklayer" b -o b.img --base sys.img --sibling a.img
	[ "$status" = 0 ]
	contains "warning: var/lib/dpkg/status is in this layer and in a.img"
	printf 'version = 1\n[layer s]\nsource = SERIAL=s\n[layer a]\nsource = SERIAL=a\n[layer b]\nsource = SERIAL=b\n' >m
	run "$root/build/layerboot" check --manifest m s=sys.img a=a.img b=b.img
	contains 'warning[package-database]: layer "b": /var/lib/dpkg/status hides that of layer "a"'
	# One that was made on the other knows its packages.
	"$mklayer" --base sys.img --base a.img -o c.img -- /bin/sh -c 'echo c >>/var/lib/dpkg/status'
	run "$root/build/layerboot" check --manifest m s=sys.img a=a.img b=c.img
	[[ $output != *package-database* && $output != *base-mismatch* ]]
}

@test "mklayer: sources that exclude each other are wrong usage" {
	for arguments in "--base x -o y --" "-o y -- true" "d --base x -o y -- true" "--rebase x -o y" "d -o y --merge" "d -o y --subdir z"; do
		# shellcheck disable=SC2086
		run "$mklayer" $arguments
		[ "$status" = 2 ] || { echo "$arguments: $status"; return 1; }
	done
}
