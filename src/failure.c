#include "failure.h"

#include <stdarg.h>
#include <string.h>

static const struct failure_word words[FAILURE_KINDS] = {
	[FAILURE_NONE] = { "none", "nothing failed", "" },
	[FAILURE_NOT_PID1] = { "not-pid1", "the init was started by something else than the kernel",
			       "see layerboot --help for what can be run by hand" },
	[FAILURE_NOT_INITRAMFS] = { "not-initramfs",
				    "the root that would be emptied is not an initramfs",
				    "boot with the image that mkinitramfs made as -initrd" },
	[FAILURE_BOOTSTRAP] = { "bootstrap", "/dev, /proc, /sys or /run could not be mounted",
				"the kernel needs devtmpfs, proc, sysfs and tmpfs" },
	[FAILURE_CMDLINE] = { "cmdline-invalid", "a layerboot. parameter is unknown or malformed",
			      "correct the kernel command line" },
	[FAILURE_MANIFEST] = { "manifest-invalid", "the manifest cannot be understood",
			       "correct it; \"layerboot plan --manifest FILE\" shows the same error" },
	[FAILURE_MANIFEST_MISSING] = { "manifest-missing",
				       "the manifest that was asked for is not there",
				       "correct layerboot.manifest= or build the initramfs with it" },
	[FAILURE_SIGNATURE] = { "manifest-signature",
				"the manifest is not signed by a key of the initramfs",
				"sign it with sign-manifest, or build the initramfs with --key" },
	[FAILURE_MANIFEST_OLD] = { "manifest-old", "the manifest is older than the oldest allowed",
				   "boot a newer set of layers" },
	[FAILURE_POLICY] = { "policy-invalid", "the policy of the initramfs cannot be understood",
			     "correct it, and build the initramfs anew" },
	[FAILURE_POLICY_REFUSED] = { "policy-refused",
				     "the command line or the manifest loosens the policy",
				     "leave it out, or change the policy of the initramfs" },
	[FAILURE_UNVERIFIED] = { "layer-unverified",
				 "a layer lacks the verification that the policy asks for",
				 "build it with mklayer --verity, or change the policy" },
	[FAILURE_LAYER_MISSING] = { "layer-missing", "no disk matches the source of a layer",
				    "attach the disk, correct source, or set required = no" },
	[FAILURE_LAYER_DUPLICATE] = { "layer-duplicate",
				      "more than one disk matches the source of a layer, "
				      "or two layers are on one disk",
				      "detach one, or choose a source that only one disk matches" },
	[FAILURE_SERIAL_COLLISION] = { "serial-collision",
				       "virtio-blk keeps 20 bytes of a serial, "
				       "and two sources are the same in these",
				       "choose serials that differ within 20 bytes" },
	[FAILURE_LAYER_READ] = { "layer-read", "a disk cannot be read",
				 "look for I/O errors of this disk on the host" },
	[FAILURE_LAYER_TYPE] = { "layer-type", "a disk holds nothing that can be a layer",
				 "build the image with mklayer, or give type if it is known" },
	[FAILURE_LAYER_DIRTY] = { "layer-dirty", "an image was not cleanly unmounted",
				  "replay its journal on the host (e2fsck -p, or mount it once), "
				  "or accept it with options = noload" },
	[FAILURE_LAYER_MOUNT] = { "layer-mount", "the kernel refused to mount a layer",
				  "check that the image is whole and of this type" },
	[FAILURE_LAYER_STALLED] = { "layer-stalled", "a disk does not answer",
				    "look at the host's storage; layerboot.timeout= gives it longer" },
	[FAILURE_IMAGE_MISSING] = { "image-missing", "no file of the source matches image =",
				    "correct image, or put the file there" },
	[FAILURE_LAYER_PRIVILEGED] = { "layer-privileged",
				       "an untrusted layer holds what trust = untrusted forbids",
				       "rebuild the layer without it, or trust it" },
	[FAILURE_LAYER_OUTSIDE] = { "layer-outside",
				    "a layer holds a path that only = does not name",
				    "rebuild the layer without it, or add the path to only" },
	[FAILURE_LAYER_SHORT] = { "layer-short", "an image is shorter than the manifest says",
				  "copy the whole image to the disk, or correct the verity keys" },
	[FAILURE_LAYER_CORRUPT] = { "layer-corrupt",
				    "an image is not the one that its root hash names",
				    "replace the image by the right one, or the manifest by its own" },
	[FAILURE_VERITY] = { "verity-failed", "dm-verity could not be set up for a layer",
			     "compare the verity keys with what mklayer --verity printed" },
	[FAILURE_WHITEOUTS] = { "whiteouts-failed",
				"the deletions that a layer marks could not be translated",
				"check that the layer is whole, and whiteouts =" },
	[FAILURE_NO_LAYERS] = { "no-layers", "every layer is absent or skipped",
				"attach at least one disk of the manifest" },
	[FAILURE_MODULE_MISSING] = { "module-missing", "the initramfs lacks a kernel module",
				     "build the initramfs for this kernel and manifest" },
	[FAILURE_MODULE_LOAD] = { "module-load", "the kernel refused a module",
				  "build the initramfs from the modules of the kernel that boots" },
	[FAILURE_MODULES_MISSING] = { "modules-missing",
				      "a layer brings the modules of other kernels than the one that boots",
				      "boot a kernel that the layer is made for, or renew the layer" },
	[FAILURE_BASE_MISMATCH] = { "base-mismatch",
				    "a layer was made on another image than those below it",
				    "make it again with mklayer --rebase, or boot the image it was made on" },
	[FAILURE_TOP] = { "top-failed", "the writable top could not be set up",
			  "check size and nr-inodes of [top]" },
	[FAILURE_TOP_MISSING] = { "top-missing", "no disk matches the source of [top]",
				  "attach the disk, correct source, or boot with layerboot.top=tmpfs" },
	[FAILURE_TOP_CHANGED] = { "top-changed",
				  "the layers below the persistent top are not those it was made on",
				  "boot the old images, or decide with on-system-change or layerboot.top=" },
	[FAILURE_VOLUME_FOREIGN] = { "volume-foreign",
				     "the disk of [top] or [bind] holds something else",
				     "attach the right disk, or wipe it (wipefs -a) and give format" },
	[FAILURE_VOLUME_DAMAGED] = { "volume-damaged",
				     "the file system of [top] or [bind] needs repair",
				     "repair it on the host (e2fsck, xfs_repair), or boot with "
				     "layerboot.top=tmpfs" },
	[FAILURE_VOLUME] = { "volume-failed", "the disk of [top] or [bind] could not be made ready",
			     "look for I/O errors of this disk; is it attached read-only?" },
	[FAILURE_BIND] = { "bind-failed", "a path of [bind] could not be put in its place",
			   "the path must be of the same kind in the root and on the disk" },
	[FAILURE_BIND_MISSING] = { "bind-missing", "no disk matches the source of a [bind]",
				   "attach the disk or correct source" },
	[FAILURE_PROTECT] = { "protect-unreachable",
			      "a protected path is missing, or of another kind, in the merged root",
			      "rebuild the layer that deletes or replaces it, or correct protect" },
	[FAILURE_UNION_UNSUPPORTED] = { "union-unsupported",
					"the kernel does not have this union, or not for so many layers",
					"use a kernel that has it, or fewer layers" },
	[FAILURE_UNION] = { "union-failed", "the kernel refused the union",
			    "its reason stands above; check the layers' file systems" },
	[FAILURE_ROOT_DIRECTORY] = { "root-directory",
				     "the merged root lacks /dev, /proc, /sys or /run",
				     "add the directory to the system image" },
	[FAILURE_INIT_MISSING] = { "init-missing", "the merged root has no init to start",
				   "check that the system image is a whole root, or give init=" },
	[FAILURE_INIT_EXEC] = { "init-exec", "the kernel refused to start the real init",
				"check its architecture, its interpreter and its permissions" },
	[FAILURE_SWITCH_ROOT] = { "switch-root", "the merged root could not become /",
				  "this is a fault of the kernel or of layerboot: report it" },
	[FAILURE_SHUTDOWN_STUCK] = { "shutdown-stuck",
				     "a file system could not be unmounted at the end",
				     "end what uses it before the power-off" },
	[FAILURE_LIMIT] = { "limit", "a limit of layerboot was reached", "use less of it" },
	[FAILURE_CRASH] = { "crash", "a helper process of the init crashed",
			    "this is a fault of layerboot: report it" },
};

const struct failure_word *failure_word(enum failure_kind kind)
{
	return &words[kind];
}

int failure_set(struct failure *f, enum failure_kind kind, const char *layer, const char *format,
		...)
{
	struct builder b;
	va_list args;

	*f = (struct failure){ .kind = kind };
	builder_start(&b, f->layer, sizeof(f->layer));
	builder_add(&b, layer ? layer : "");
	builder_start(&b, f->text, sizeof(f->text));
	va_start(args, format);
	builder_addv(&b, format, args);
	va_end(args);
	return -1;
}

void failure_print(const struct failure *f, struct builder *b)
{
	const char *next = f->next[0] ? f->next : words[f->kind].next;

	builder_addf(b, "error[%s]: ", words[f->kind].word);
	/* What is no layer has a name that no layer can have. */
	if (strcmp(f->layer, "top") == 0 || strncmp(f->layer, "bind ", 5) == 0)
		builder_addf(b, "%s: ", f->layer);
	else if (f->layer[0])
		builder_addf(b, "layer \"%s\": ", f->layer);
	builder_add(b, f->text);
	if (next[0])
		builder_addf(b, "; %s", next);
}
