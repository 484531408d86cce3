#include "match.h"

#include <string.h>

/* VIRTIO_BLK_ID_BYTES: a longer serial is cut there without a word (linux/virtio_blk.h). */
#define VIRTIO_SERIAL_MAX 20

bool match_by_cut(const struct source *source, const struct disk *d)
{
	if (strcmp(d->transport, "virtio") != 0 || strlen(d->serial) != VIRTIO_SERIAL_MAX)
		return false;
	for (size_t i = 0; i < source->count; i++)
		if (source->any[i].kind == SELECTOR_SERIAL &&
		    strlen(source->any[i].value) > VIRTIO_SERIAL_MAX &&
		    strncmp(d->serial, source->any[i].value, VIRTIO_SERIAL_MAX) == 0)
			return true;
	return false;
}

static bool serial_matches(const struct disk *d, const char *serial)
{
	if (d->parent[0])
		return false;
	if (strcmp(d->transport, "virtio") == 0 && strlen(d->serial) == VIRTIO_SERIAL_MAX)
		return strncmp(d->serial, serial, VIRTIO_SERIAL_MAX) == 0;
	return strcmp(d->serial, serial) == 0;
}

/* lsblk and udev write a scsi name as 0x5000..., sysfs as naa.5000... */
static const char *bare_wwn(const char *wwn)
{
	if (strncmp(wwn, "0x", 2) == 0)
		return wwn + 2;
	return strncmp(wwn, "naa.", 4) == 0 ? wwn + 4 : wwn;
}

static bool selector_matches(const struct selector *s, const struct disk *d)
{
	switch (s->kind) {
	case SELECTOR_SERIAL:
		return serial_matches(d, s->value);
	case SELECTOR_WWN:
		return !d->parent[0] && d->wwn[0] &&
		       text_equal_nocase(bare_wwn(d->wwn), bare_wwn(s->value));
	case SELECTOR_LABEL:
		return strcmp(d->label, s->value) == 0;
	case SELECTOR_UUID:
		return d->uuid[0] && text_equal_nocase(d->uuid, s->value);
	case SELECTOR_PARTLABEL:
		return strcmp(d->part_label, s->value) == 0;
	case SELECTOR_PARTUUID:
		return d->part_uuid[0] && text_equal_nocase(d->part_uuid, s->value);
	case SELECTOR_PATH:
		return strcmp(d->name, s->value) == 0;
	}
	return false;
}

bool match_by_itself(const struct source *source, const struct disk *d)
{
	for (size_t i = 0; i < source->count; i++) {
		enum selector_kind kind = source->any[i].kind;
		if (kind != SELECTOR_LABEL && kind != SELECTOR_UUID &&
		    selector_matches(&source->any[i], d))
			return true;
	}
	return false;
}

static bool source_matches(const struct source *source, const struct disk *d)
{
	for (size_t i = 0; i < source->count; i++)
		if (selector_matches(&source->any[i], d))
			return true;
	return false;
}

size_t match_disks(const struct source *source, const struct inventory *inv,
		   const struct disk **ret, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < inv->count; i++)
		if (source_matches(source, &inv->disks[i])) {
			if (count < max)
				ret[count] = &inv->disks[i];
			count++;
		}
	return count;
}

unsigned match_needs(const struct source *source)
{
	unsigned needs = 0;

	for (size_t i = 0; i < source->count; i++) {
		switch (source->any[i].kind) {
		case SELECTOR_SERIAL:
		case SELECTOR_WWN:
			needs |= KNOWN_IDENTITY;
			break;
		case SELECTOR_LABEL:
		case SELECTOR_UUID:
			needs |= KNOWN_SUPERBLOCK;
			break;
		case SELECTOR_PARTLABEL:
		case SELECTOR_PARTUUID:
			needs |= KNOWN_PARTITION;
			break;
		case SELECTOR_PATH:
			break;
		}
	}
	return needs;
}
