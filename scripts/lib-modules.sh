# shellcheck shell=bash disable=SC2154 # the variables of lib.sh and of the script
# Kernel modules for an initramfs: which, with what they need, and their indexes. Sourced by mkinitramfs after lib.sh.

# The index files of the full tree: those of DIR, or fresh ones where depmod never ran there.
full_index() {
	index=$modules
	[ ! -e "$modules/modules.dep" ] || return 0
	index=$scratch/full/lib/modules/$release
	mkdir -p -- "$index"
	# depmod writes where it reads; links keep the given directory as it is.
	find "$(readlink -f -- "$modules")" -mindepth 1 -maxdepth 1 ! -name build ! -name source -exec ln -s -t "$index" {} +
	depmod -b "$scratch/full" "$release" 2>"$scratch/depmod" || {
		cat -- "$scratch/depmod" >&2
		die "depmod failed on $modules; see above"
	}
}

# Prints, tab-separated: KIND NAME PATH SET REASON, KIND being file, builtin, may or must (these two: not there).
select_modules() {
	local modinfo=$modules/modules.builtin.modinfo
	[ -e "$modinfo" ] || modinfo=/dev/null
	{
		sed 's/^/builtin /' "$modules/modules.builtin"
		tr '\0' '\n' <"$modinfo" | sed -n 's/^\([^.]*\)\.alias=\(.*\)$/bialias \2 \1/p'
		sed 's/^/dep /' "$index/modules.dep"
		[ ! -e "$index/modules.softdep" ] || grep '^softdep ' "$index/modules.softdep" || true
		[ ! -e "$index/modules.alias" ] || grep -v '^#' "$index/modules.alias" || true
		[ ${#omitted[@]} = 0 ] || printf 'omit %s\n' "${omitted[@]}"
		grep -v '^ *\(#\|$\)' "$table" | sed 's/^/row /'
		printf 'want %s\n' "${default_sets[@]}" "${sets[@]}"
		[ ${#extra_modules[@]} = 0 ] || printf 'add %s\n' "${extra_modules[@]}"
	} | awk '
		function norm(s) { sub(/.*\//, "", s); sub(/\.ko(\.[a-z0-9]+)?$/, "", s); gsub(/-/, "_", s); return s }
		function row(kind, name, path, set, reason) { printf "%s\t%s\t%s\t%s\t%s\n", kind, name, path, set, reason }
		# take(): one module by its name; what it depends on first.
		function take(name, set, reason,    i, n, d) {
			if (name in done || name in omit) return
			done[name] = 1
			n = split(deps[name], d, " ")
			for (i = n; i > 0; i--) take(norm(d[i]), set, name " depends on it")
			n = split(soft[name], d, " ")
			for (i = 1; i <= n; i++) take_soft(d[i], set, name)
			row("file", name, path[name], set, reason)
		}
		# take_soft(): what a module asks for beforehand is the name of a module or an alias; where several
		# modules offer it, the one that runs on every processor will do.
		function take_soft(word, set, by,    i, n, c, best) {
			best = norm(word)
			if (best in nosoft || best in builtin || word in bialias) return
			if (!(best in path)) {
				n = split(alias[word], c, " ")
				if (!n) return
				best = c[1]
				for (i = 1; i <= n; i++) if (c[i] ~ /_generic$/) best = c[i]
			}
			take(best, set, by " asks for " word)
		}
		function want(name, set, level, reason,    m) {
			m = norm(name)
			if (m in omit) { if (!(m in done)) row("omitted", m, "", set, reason); done[m] = 1 }
			else if (m in path) take(m, set, reason)
			else if (m in builtin) { if (!(m in done)) row("builtin", m, "", set, reason); done[m] = 1 }
			else row(level, name, "", set, reason)
		}
		$1 == "builtin" { builtin[norm($2)] = 1 }
		$1 == "bialias" { bialias[$2] = 1 }
		$1 == "dep" {
			sub(/:$/, "", $2); m = norm($2); path[m] = $2
			$1 = ""; p = $2; sub(/^ +[^ ]+ ?/, ""); deps[m] = $0
		}
		$1 == "softdep" {
			pre = 0
			for (i = 3; i <= NF; i++)
				if ($i == "pre:") pre = 1; else if ($i == "post:") pre = 0; else if (pre) soft[norm($2)] = soft[norm($2)] " " $i
		}
		$1 == "alias" && $2 !~ /:/ { alias[$2] = alias[$2] " " norm($3) }
		$1 == "omit" { omit[norm($2)] = 1 }
		$1 == "row" && $2 == "no-softdep" { nosoft[norm($3)] = 1; next }
		$1 == "row" {
			rows++; set_of[rows] = $2; module[rows] = $3; level[rows] = $4; known[$2] = 1
			$1 = $2 = $3 = $4 = ""; sub(/^ +/, ""); why[rows] = $0
		}
		$1 == "want" {
			if (!($2 in known)) { row("unknown", $2, "", $2, ""); next }
			if ($2 in wanted) next
			wanted[$2] = 1
			for (i = 1; i <= rows; i++) if (set_of[i] == $2) want(module[i], $2, level[i], why[i])
		}
		$1 == "add" { want($2, "-", "must", "--module") }'
}

# Fails where the kernel lacks what this boot cannot do without.
check_selection() {
	local kind name reason _
	while IFS=$'\t' read -r kind name _ _ reason; do
		[ "$kind" != unknown ] ||
			die "there is no set '$name' of modules; the sets are: $(awk '!/^ *(#|$)/ && $1 != "no-softdep" && !s[$1]++ { printf "%s ", $1 }' "$table")"
		[ "$kind" != must ] ||
			die "kernel $release has no $name, neither as a module nor built in ($reason); take another kernel, or complete $modules"
	done < <(sed 's/\t\t/\t-\t/' "$scratch/selected")
}

# All in one directory: the init has to make and to remove each one anew at every boot.
store_module() { # PATH below $modules -> in the archive, uncompressed
	local to=$dest/${1##*/}
	to=${to%.ko*}.ko
	case $1 in
	*.ko) cp -- "$modules/$1" "$to" ;;
	*.ko.xz) need_tool xz xz-utils && xz -dc -- "$modules/$1" >"$to" ;;
	*.ko.zst) need_tool zstd zstd && zstd -dcq -- "$modules/$1" >"$to" ;;
	*.ko.gz) gzip -dc -- "$modules/$1" >"$to" ;;
	*) die "the module $modules/$1 is compressed in a way that is not known here; unpack it first" ;;
	esac || die "cannot unpack the module $modules/$1; see above"
}

# The indexes for libkmod, made over what is in the archive. It reads the .bin files and modules.softdep;
# that of aliases of what is built in it would ask in vain.
index_modules() {
	local f
	for f in modules.order modules.builtin modules.builtin.modinfo; do
		[ ! -e "$modules/$f" ] || cp -- "$modules/$f" "$dest/"
	done
	depmod -b "$scratch/root" "$release" 2>"$scratch/depmod" || {
		cat -- "$scratch/depmod" >&2
		die "depmod failed on the modules of the archive; see above"
	}
	# What was left out must not be asked for: it would only be looked up in vain.
	awk 'NR == FNR { if ($1 == "no-softdep") { gsub(/-/, "_", $2); skip[$2] = 1 }; next }
		$1 == "softdep" {
			line = ""; pre = 0
			for (i = 3; i <= NF; i++) {
				name = $i; gsub(/-/, "_", name)
				if ($i == "pre:") pre = 1; else if ($i == "post:") pre = 0
				else if (pre && !(name in skip)) line = line " " $i
			}
			if (line != "") print "softdep " $2 " pre:" line
		}' "$table" "$dest/modules.softdep" >"$scratch/softdep"
	for f in "$dest"/modules.*; do
		case $f in
		*.dep.bin | *modules.alias.bin | *.symbols.bin | *.builtin.bin) ;;
		*) rm -- "$f" ;;
		esac
	done
	[ ! -s "$scratch/softdep" ] || cp -- "$scratch/softdep" "$dest/modules.softdep"
}

# All modules of the kernel, not the links build and source, which point into the machine that built it.
make_modules_layer() {
	local stage=$scratch/layer/usr/lib/modules/$release
	mkdir -p -- "$stage"
	tar -C "$modules" --exclude=./build --exclude=./source -cf - . | tar -C "$stage" -xf -
	[ -e "$modules/modules.dep" ] || depmod -b "$scratch/layer/usr" "$release" || die "depmod failed on $modules; see above"
	"$here/mklayer" "$scratch/layer" -o "$modules_layer" --owner root
}
