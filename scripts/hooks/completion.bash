# shellcheck shell=bash
# Completion of layerboot and layerboot-*: options are those that --help prints, files where an option takes one.

_layerboot_options() {
	"$@" --help 2>/dev/null | grep -oE -- '(^|[[:space:],|(\[])--?[a-z][a-z-]*' | grep -oE -- '--?[a-z].*' | sort -u
}

_layerboot() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=("$1")
	COMPREPLY=()
	case $previous in
	--type) mapfile -t COMPREPLY < <(compgen -W 'squashfs erofs ext4' -- "$current") && return ;;
	--owner) mapfile -t COMPREPLY < <(compgen -W 'root keep' -- "$current") && return ;;
	--bus) mapfile -t COMPREPLY < <(compgen -W 'virtio scsi nvme' -- "$current") && return ;;
	--accel) mapfile -t COMPREPLY < <(compgen -W 'auto kvm tcg' -- "$current") && return ;;
	--machine) mapfile -t COMPREPLY < <(compgen -W 'q35 microvm' -- "$current") && return ;;
	esac
	if [ "${1##*/}" = layerboot ]; then
		if [ "$COMP_CWORD" = 1 ]; then
			mapfile -t COMPREPLY < <(compgen -W 'plan check identity status which diff grow --version --help' -- "$current")
			return
		fi
		command+=("${COMP_WORDS[1]}")
	fi
	case $current in
	-*) mapfile -t COMPREPLY < <(compgen -W "$(_layerboot_options "${command[@]}")" -- "$current") ;;
	# NAME=FILE of images
	[A-Za-z]*=*) mapfile -t COMPREPLY < <(compgen -f -- "${current#*=}") ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	esac
}

complete -o filenames -F _layerboot layerboot layerboot-mklayer layerboot-mkinitramfs layerboot-mksystem layerboot-run-vm \
	layerboot-sign-manifest layerboot-boot-chart layerboot-get-kernel
