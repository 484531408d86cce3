#!/usr/bin/env bats
# shellcheck disable=SC2154 # the variables of common.bash
# scripts/mklayer: what is in an image is read back, without mounting where a tool can, and by the kernel as root.

setup() {
	load common
	mklayer=$scripts/mklayer
	cd "$BATS_TEST_TMPDIR" || return 1
	# A system with the links of a merged /usr, and a user's part.
	mkdir -p sys/usr/sbin sys/usr/lib/old sys/etc/private sys/tmp user/etc user/opt/new
	ln -s usr/sbin sys/sbin
	ln -s /usr/lib sys/lib
	echo system >sys/etc/motd
	echo gone >sys/etc/gone
	echo tool >sys/usr/sbin/tool
	echo old >sys/usr/lib/old/file
	chmod 1777 sys/tmp
	chmod 700 sys/etc/private
	echo user >user/etc/motd
	echo space >"user/opt/new/with space"
	ln -s motd user/etc/link
	find sys user -exec touch -h -d '2024-01-02 03:04:05' {} +
}

teardown() {
	! mountpoint -q "$BATS_TEST_TMPDIR/mnt" || umount "$BATS_TEST_TMPDIR/mnt"
	[ -z "${public:-}" ] || rm -rf "$public"
}

mounted() { # IMAGE: its list, by the kernel
	mkdir -p mnt
	mount -o ro,loop "$1" mnt
	(cd mnt && find . -mindepth 1 -printf '%P %M %U:%G %l\n' | sort && getfattr -dR -m - . 2>/dev/null)
	umount mnt
}

layer_with_deletions() { # TYPE
	"$mklayer" user -o user.img --type "$1" --owner root --delete etc/gone --delete /tmp/./x --opaque usr/lib/old
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root to mount and to make device nodes"
}

read_back() { # TYPE: what the kernel shows of a layer with deletions
	need_root
	layer_with_deletions "$1"
	run mounted user.img
	[ "$status" = 0 ]
	contains "etc/gone crw------- 0:0"
	contains "tmp/x crw------- 0:0"
	contains "etc/link lrwxrwxrwx 0:0 motd"
	contains "opt/new/with space -rw-r--r-- 0:0"
	contains $'# file: usr/lib/old\ntrusted.overlay.opaque="y"'
	[[ $output != *lost+found* ]]
}

@test "mklayer: squashfs, read by unsquashfs" {
	layer_with_deletions squashfs
	run unsquashfs -lln user.img
	matches 'crw------- 0/0 +0, *0 [0-9: -]+ squashfs-root/etc/gone'
	contains "squashfs-root/usr/lib/old"
	run unsquashfs -s user.img
	contains "Compression zstd"
}

@test "mklayer: erofs, read by dump.erofs, clean for fsck.erofs" {
	layer_with_deletions erofs
	run dump.erofs --path=/etc/gone user.img
	contains "char dev"
	fsck.erofs user.img
}

@test "mklayer: ext4, read by debugfs, clean for e2fsck, no journal, no lost+found, label" {
	"$mklayer" user -o user.img --type ext4 --label mine --delete etc/gone --opaque usr/lib/old
	run debugfs -R 'stat /etc/gone' user.img
	contains "Type: character special"
	contains "Device major/minor number: 00:00"
	run debugfs -R 'ea_get /usr/lib/old trusted.overlay.opaque' user.img
	contains 'trusted.overlay.opaque (1) = "y"'
	run e2fsck -fn user.img
	[ "$status" = 0 ]
	run dumpe2fs -h user.img
	contains "Filesystem volume name:   mine"
	contains "Filesystem state:         clean"
	[[ $output != *has_journal* ]]
	run debugfs -R 'ls -l /' user.img
	[[ $output != *lost+found* ]]
}

@test "mklayer: squashfs, read by the kernel" { read_back squashfs; }
@test "mklayer: erofs, read by the kernel" { read_back erofs; }
@test "mklayer: ext4, read by the kernel" { read_back ext4; }

@test "mklayer: overlay takes the deletions for deletions" {
	need_root
	mkdir low up mnt
	for type in squashfs erofs ext4; do
		"$mklayer" sys -o sys.img --type $type
		layer_with_deletions $type
		mount -o ro,loop sys.img low
		mount -o ro,loop user.img up
		mount -t overlay -o ro,lowerdir=up:low overlay mnt
		ls -A mnt/etc mnt/usr/lib/old >list
		cat mnt/etc/motd >motd
		umount mnt up low
		[ "$(tr '\n' ' ' <list)" = "mnt/etc: link motd private  mnt/usr/lib/old: " ]
		[ "$(cat motd)" = user ]
	done
}

@test "mklayer: the same bytes from another copy, directory and time, for every type and in a partition" {
	cp -a user copy
	mkdir other
	for type in squashfs erofs ext4; do
		for gpt in '' --gpt; do
			# shellcheck disable=SC2086 # nothing or one word
			"$mklayer" user -o user.img --type $type --delete etc/gone --opaque a/b $gpt
			sleep 1.1
			# shellcheck disable=SC2086
			(umask 077 && TMPDIR=$PWD/other "$mklayer" copy -o other/user.img --type $type --delete etc/gone --opaque a/b $gpt)
			cmp user.img other/user.img
		done
	done
	[ "$(ls other)" = user.img ]
}

@test "mklayer: SOURCE_DATE_EPOCH limits time stamps, earlier ones stay" {
	need_root
	touch -d '2001-01-01 UTC' user/etc/motd
	for type in squashfs erofs ext4; do
		SOURCE_DATE_EPOCH=1041379200 "$mklayer" user -o user.img --type $type
		run mounted user.img
		[ "$status" = 0 ]
		mount -o ro,loop user.img mnt
		times=$(stat -c %Y mnt mnt/etc mnt/etc/motd mnt/opt/new/* | paste -sd' ')
		umount mnt
		echo "$type: $times"
		[ "$times" = "1041379200 1041379200 978307200 1041379200" ]
	done
}

@test "mklayer: attributes, deletions and owners of the directory are kept for root" {
	need_root
	mknod user/etc/gone c 0 0
	chown 7:8 user/etc/motd
	chmod 4755 user/etc/motd
	setfattr -n trusted.overlay.opaque -v y user/opt/new
	setfattr -n user.note -v hello user/etc/motd
	for type in squashfs erofs ext4; do
		"$mklayer" user -o user.img --type $type
		run mounted user.img
		contains "etc/gone crw-r--r-- 0:0"
		contains "etc/motd -rwsr-xr-x 7:8"
		contains $'# file: opt/new\ntrusted.overlay.opaque="y"'
		contains 'user.note="hello"'
	done
	setfattr -n trusted.overlay.redirect -v /etc user/opt
	run "$mklayer" user -o user2.img
	[ "$status" = 1 ]
	contains "'opt' has trusted.overlay.redirect"
	[ ! -e user2.img ]
}

@test "mklayer: as an ordinary user, with the same deletions" {
	need_root
	public_dir
	mkdir "$public/x" "$public/t"
	cp "$scripts"/mklayer "$scripts"/lib*.sh "$public/x/"
	cp -r user "$public/"
	chmod -R a+rX "$public"
	chmod 1777 "$public/t"
	for type in squashfs erofs ext4; do
		TMPDIR=$public/t as_nobody "$public/x/mklayer" "$public/user" -o "$public/t/$type.img" --type $type \
			--delete etc/gone --opaque usr/lib/old
		run mounted "$public/t/$type.img"
		contains "etc/gone crw------- 0:0"
		contains "etc/motd -rw-r--r-- 0:0"
		contains 'trusted.overlay.opaque="y"'
	done
}

@test "mklayer: a directory over a link of the base is refused by name, whatever type the base has" {
	mkdir -p user/sbin user/lib/old
	echo new >user/sbin/new
	for type in squashfs erofs ext4; do
		for gpt in '' --gpt; do
			# shellcheck disable=SC2086
			"$mklayer" sys -o base.img --type $type $gpt
			run "$mklayer" user -o user.img --base base.img
			[ "$status" = 1 ]
			contains "mklayer: error: sbin is a directory here, but in the base a link to usr/sbin"
			contains "put it in usr/sbin, or use --follow"
			contains "lib is a directory here, but in the base a link to /usr/lib"
			[ ! -e user.img ]
		done
	done
}

@test "mklayer: --follow puts it where the link points, with the base's modes above it" {
	mkdir -p user/sbin user/lib/old user/etc/private
	echo new >user/sbin/new
	echo more >user/lib/old/more
	for type in squashfs erofs ext4; do
		"$mklayer" sys -o base.img --type $type
		"$mklayer" user -o user.img --base base.img --follow --owner root --delete sbin/tool --delete tmp/x
		run unsquashfs -lln user.img
		contains "squashfs-root/usr/sbin/new"
		contains "squashfs-root/usr/sbin/tool"
		contains "squashfs-root/usr/lib/old/more"
		[[ $output != *squashfs-root/sbin* && $output != *squashfs-root/lib$'\n'* ]]
		# Directories that the base has too do not change their mode.
		matches 'drwxrwxrwt 0/0 +[0-9]+ [0-9: -]+ squashfs-root/tmp'
		matches 'drwx------ 0/0 +[0-9]+ [0-9: -]+ squashfs-root/etc/private'
	done
	mkdir -p user/usr/sbin
	echo other >user/usr/sbin/new
	run "$mklayer" user -o user2.img --base base.img --follow
	[ "$status" = 1 ]
	contains "both sbin/new and usr/sbin/new"
}

@test "mklayer: of several bases the uppermost counts, and its deletions" {
	mkdir -p mid/etc user/sbin
	"$mklayer" sys -o base.img
	"$mklayer" mid -o mid.img --delete sbin
	echo x >user/sbin/x
	run "$mklayer" user -o user.img --base base.img --base mid.img
	[ "$status" = 0 ]
	run "$mklayer" user -o user.img --base mid.img --base base.img
	[ "$status" = 1 ]
	contains "sbin is a directory here"
}

@test "mklayer: a file over a directory, and a directory over a file, need --force" {
	rm -r user/opt
	mkdir -p user/etc/gone
	echo file >user/usr
	"$mklayer" sys -o base.img
	run "$mklayer" user -o user.img --base base.img
	[ "$status" = 1 ]
	contains "usr is no directory here, but one in the base"
	contains "etc/gone is a directory here, but a file in the base"
	[ ! -e user.img ]
	"$mklayer" user -o user.img --base base.img --force
}

@test "mklayer: a deletion of nothing is a warning, of what the layer has an error" {
	"$mklayer" sys -o base.img
	run "$mklayer" user -o user.img --base base.img --delete etc/mtod
	[ "$status" = 0 ]
	contains "warning: etc/mtod: deleted, but the base has no such file"
	run "$mklayer" user -o user.img --delete etc/motd
	[ "$status" = 1 ]
	contains "--delete etc/motd: the layer has etc/motd itself"
	run "$mklayer" user -o user.img --delete ../etc/motd
	[ "$status" = 2 ]
}

@test "mklayer: --gpt makes one aligned partition with the name" {
	for type in squashfs erofs ext4; do
		"$mklayer" user -o web.v2.img --type $type --gpt
		run sfdisk -J web.v2.img
		[ "$(jq -r '.partitiontable.partitions | length' <<<"$output")" = 1 ]
		[ "$(jq -r '.partitiontable.partitions[0] | "\(.start) \(.name)"' <<<"$output")" = "2048 layerboot-web" ]
		sfdisk -V web.v2.img
		"$mklayer" user -o plain.img --type $type
		size=$(stat -c %s plain.img)
		cmp <(tail -c +$((1048576 + 1)) web.v2.img | head -c "$size") plain.img
	done
	"$mklayer" user -o web.img --gpt --name other
	[ "$(sfdisk -J web.img | jq -r '.partitiontable.partitions[0].name')" = layerboot-other ]
	run "$mklayer" user -o web.img --gpt --name 'no good'
	[ "$status" = 2 ]
}

@test "mklayer: what cannot be is said" {
	run "$mklayer" user -o user.img --label x
	[ "$status" = 1 ]
	contains "squashfs images have no label"
	run "$mklayer" user -o user.img --type ext4 --label seventeen-letters
	[ "$status" = 1 ]
	run "$mklayer" user -o user/inside.img
	[ "$status" = 1 ]
	run "$mklayer" nothere -o user.img
	[ "$status" = 1 ]
	run "$mklayer" user -o nothere/user.img
	[ "$status" = 1 ]
	echo garbage >garbage.img
	run "$mklayer" user -o user.img --base garbage.img
	[ "$status" = 1 ]
	contains "neither squashfs, erofs nor ext4"
	for arguments in "" "user" "user user -o x" "user -o x --type vfat" "user -o x --nonsense" "user -o"; do
		# shellcheck disable=SC2086
		run "$mklayer" $arguments
		[ "$status" = 2 ]
	done
	[ ! -e user.img ]
	[ -z "$(find . -name '.user.img*')" ]
}

@test "mklayer --verity: the hash tree is behind the image, the lines of the manifest say how, and the bytes repeat" {
	local name value root='' size='' offset='' salt=''
	mkdir -p tree/etc && head -c 300000 /dev/urandom >tree/etc/random
	"$scripts/mklayer" tree -o a.img --verity >said
	"$scripts/mklayer" tree -o b.img --verity >again
	cmp a.img b.img
	while IFS=' =' read -r name value; do
		case $name in
		verity) root=$value ;;
		verity-data-size) size=$value ;;
		verity-hash-offset) offset=$value ;;
		verity-salt) salt=$value ;;
		esac
	done < <(tail -n +2 said)
	PATH=$PATH:/usr/sbin
	verify() {
		veritysetup verify a.img a.img "$root" --no-superblock --hash=sha256 --salt="$salt" \
			--data-block-size=4096 --hash-block-size=4096 --data-blocks=$((size / 4096)) --hash-offset="$offset"
	}
	verify
	printf x | dd of=a.img bs=1 seek=100000 conv=notrunc status=none
	run verify
	[ "$status" -ne 0 ]
}

@test "mklayer: a squashfs has blocks as large as what is in it, up to those of mksquashfs" {
	local size
	mkdir tree
	for size in 10:4096 5000:8192 65537:131072 900000:131072; do
		head -c "${size%:*}" /dev/zero >tree/file
		"$scripts/mklayer" tree -o of.img --type squashfs --owner root
		unsquashfs -s of.img | grep -qx "Block size ${size#*:}"
		rm of.img
	done
}

@test "mklayer: inside a fakeroot session, whose owners it keeps" {
	mkdir -p "$BATS_TEST_TMPDIR/tree/etc"
	echo x >"$BATS_TEST_TMPDIR/tree/etc/x"
	cd "$BATS_TEST_TMPDIR"
	# shellcheck disable=SC2016 # of the inner shell
	fakeroot -- bash -euc 'chown 7:8 tree/etc/x && "$1" tree --owner keep -o layer.img' bash "$scripts/mklayer"
	run unsquashfs -lln layer.img
	matches '^-[rwx-]+ 7/8 .*etc/x$'
}

@test "mklayer: --for-kernel takes the type that is built in" {
	mkdir -p with without
	echo kernel/fs/ext4/ext4.ko >with/modules.builtin
	echo kernel/fs/fat/vfat.ko >without/modules.builtin
	"$mklayer" user -o a.img --for-kernel with
	"$mklayer" user -o b.img --for-kernel without
	"$mklayer" user -o c.img --for-kernel with --type erofs
	[ "$(blkid -p -o value -s TYPE a.img b.img c.img | paste -sd' ')" = "ext4 squashfs erofs" ]
	run "$mklayer" user -o d.img --for-kernel user
	[ "$status" = 1 ]
	[ ! -e d.img ]
}

@test "mklayer: a terminal shows how far it is, a file does not" {
	script -qec "$mklayer user -o user.img --verity" terminal >/dev/null
	for words in copying "packing 7 files" hashing; do
		grep -qF "mklayer: $words" terminal
		grep -qE "mklayer: $words.*: done" terminal
	done
	[ "$("$mklayer" user -o user.img 2>&1 | wc -l)" = 1 ]
}

@test "mklayer: the percentage is that of what has been read" {
	head -c 1000000 /dev/zero >half
	cat >reads <<-END
		set -euo pipefail
		. "$scripts/lib.sh"
		# It goes on when the half is told, and fails if that never comes.
		reads() {
			cat half half >/dev/null
			for i in {1..600}; do
				! grep -qE 'reading: (5[0-9]|6[0-9]) %' terminal || return 0
				sleep 0.1
			done
			return 1
		}
		shown reading 4000000 reads
	END
	script -qfec "bash reads" terminal >/dev/null
}
