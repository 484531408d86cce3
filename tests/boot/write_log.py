"""Replays a log of QEMU's blklogwrites, which is that of the kernel's dm-log-writes: what a disk held at any moment.

The first sector is the superblock: magic, version, number of entries (64 bits each), sector size (32 bits). An entry has
a sector of its own: sector and sectors on the disk, flags, length of a mark's text (64 bits each); what was written or
the text, filled up to a whole sector, follows. Documentation/admin-guide/device-mapper/log-writes.rst, drivers/md/dm-log-writes.c."""
import struct

MAGIC, VERSION = 0x6a736677736872, 1
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
PIECE = 4096  # what a disk writes whole or not at all


class Entry:
    def __init__(self, sector, flags, offset, length):
        self.sector, self.flags, self.offset, self.length = sector, flags, offset, length


class WriteLog:
    def __init__(self, path):
        self.path, self.file = path, path.open("rb")
        magic, version, count, self.sector_size = struct.unpack("<QQQI", self.file.read(28))
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError(f"{path} is no log of writes")
        self.entries, at = [], self.sector_size
        for _ in range(count):
            self.file.seek(at)
            sector, sectors, flags, text = struct.unpack("<QQQQ", self.file.read(32))
            length = sectors * self.sector_size
            at += self.sector_size
            # What is discarded is only told of.
            self.entries.append(Entry(sector, flags, None if flags & DISCARD else at, length))
            at += -(-text // self.sector_size) * self.sector_size + (0 if flags & DISCARD else length)

    def data(self, entry):
        if entry.offset is None:
            return bytes(entry.length)
        self.file.seek(entry.offset)
        return self.file.read(entry.length)

    def apply(self, entry, disk, keeps=lambda: True):
        """Writes the pieces of an entry to a disk's file that KEEPS."""
        data = self.data(entry)
        for at in range(0, len(data), PIECE):
            if keeps():
                disk.seek(entry.sector * self.sector_size + at)
                disk.write(data[at:at + PIECE])

    def last_flush(self, count):
        """How many of the first COUNT entries were durable."""
        return max((i + 1 for i in range(count) if self.entries[i].flags & FLUSH), default=0)

    def replay(self, path, size, count, keeps):
        """The disk when power failed after COUNT entries: all up to the last flush, and of the rest what KEEPS."""
        durable = self.last_flush(count)
        with path.open("wb") as disk:
            disk.truncate(size)
            for entry in self.entries[:durable]:
                self.apply(entry, disk)
            for entry in self.entries[durable:count]:
                self.apply(entry, disk, (lambda: True) if entry.flags & FUA else keeps)
