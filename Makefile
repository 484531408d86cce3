# make             build/layerboot, the static init
# make run         builds all there is to see and boots it; make check tests it
# make DEPS=DIR    with musl builds of libblkid, libmount and libkmod (DIR/include, DIR/lib) made elsewhere
# make PKG_CONFIG_DEPS=1 CC=gcc   on a distribution that is musl itself
# make ARCH=aarch64   build/aarch64/layerboot, beside this machine's own; with clang and lld

HOST_ARCH := $(shell uname -m)
ARCH = $(HOST_ARCH)
ifneq ($(ARCH),$(HOST_ARCH))
BUILD = build/$(ARCH)
CC = $(BUILD)/deps/cc
# What clang calls small; its -Os inlines much more than gcc's.
SMALL = -Oz
# The same program has more bytes in instructions that are all of one length.
LIMIT = 491520
else
BUILD = build
CC = musl-gcc
SMALL = -Os
LIMIT = 460800
endif
HOST_CC = gcc
DEPS = $(BUILD)/deps
SIGNIFY = $(DEPS)/signify
WERROR = -Werror
N = 50
FUZZ_SECONDS = 60
DESTDIR =
PREFIX = /usr/local

WARN = -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wformat=2 -Wundef \
	-Wwrite-strings -Wswitch-enum $(WERROR)
BASE = -std=gnu11 -D_GNU_SOURCE -Iinclude -isystem $(SIGNIFY)/include $(WARN) -MMD -MP
CFLAGS = $(SMALL) -flto=auto -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -fno-pie
# Segments that share pages in the file, whatever their sizes (else the linker trades four kilobytes of file for a page of
# memory), and none that nobody makes read-only (musl has no RELRO in static programs): padding would be twelve kilobytes.
LDFLAGS = -static -no-pie -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,norelro \
	-Wl,-z,common-page-size=64 -Wl,--sort-section=alignment -s
HOST_CFLAGS = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

ifdef PKG_CONFIG_DEPS
DEPS_CFLAGS := $(shell pkg-config --static --cflags blkid mount libkmod)
DEPS_LIBS := $(shell pkg-config --static --libs blkid mount libkmod)
else
DEPS_CFLAGS = -isystem $(DEPS)/include -idirafter $(DEPS)/kernel-headers
DEPS_LIBS = -L$(DEPS)/lib -lmount -lblkid -lkmod -luuid
endif

# Of signify's source in every case: no distribution has it as a library.
SIGNIFY_LIB = $(SIGNIFY)/lib/libsignify.a
OWN_DEPS := $(if $(filter $(BUILD)/deps,$(DEPS)),$(BUILD)/deps/versions)
OWN_SIGNIFY := $(if $(filter $(BUILD)/deps/signify,$(SIGNIFY)),$(SIGNIFY)/version)

SRC := $(wildcard src/*.c)
OBJ := $(SRC:src/%.c=$(BUILD)/obj/%.o)
HOST_OBJ := $(SRC:src/%.c=$(BUILD)/host/obj/%.o)
TESTS := $(patsubst tests/unit/%.c,$(BUILD)/host/unit/%,$(wildcard tests/unit/test_*.c))

all: $(BUILD)/layerboot

$(BUILD)/layerboot: $(OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) $(OBJ) $(SIGNIFY_LIB) $(DEPS_LIBS) -o $@.new
	@! readelf -l $@.new | grep -q INTERP || { echo "$@ is not static" >&2; exit 1; }
	@test $$(stat -c %s $@.new) -le $(LIMIT) || { echo "$@ is over $(LIMIT) bytes" >&2; exit 1; }
	mv $@.new $@

$(BUILD)/obj/%.o: src/%.c | $(OWN_DEPS) $(OWN_SIGNIFY)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CFLAGS) $(DEPS_CFLAGS) -c $< -o $@

# Written only when it changes, so that a new commit rebuilds one object.
$(BUILD)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@

$(BUILD)/obj/version.o $(BUILD)/host/obj/version.o: $(BUILD)/version
$(BUILD)/obj/version.o $(BUILD)/host/obj/version.o: BASE += -DLAYERBOOT_VERSION='"$(VERSION)"'

$(BUILD)/deps/versions: scripts/build-deps
	scripts/build-deps --arch $(ARCH) --out $(BUILD)/deps

$(BUILD)/deps/signify/version: scripts/build-signify
	MUSL_CC="$(CC)" scripts/build-signify --out $(BUILD)/deps/signify

# The same code for this machine, with sanitizers and the distribution's own libraries.
host: $(BUILD)/host/layerboot

$(BUILD)/host/layerboot: $(HOST_OBJ)
	$(HOST_CC) $(HOST_CFLAGS) $^ $(SIGNIFY_LIB) -lmount -lblkid -lkmod -o $@

$(BUILD)/host/obj/%.o: src/%.c | $(OWN_SIGNIFY)
	@mkdir -p $(@D)
	$(HOST_CC) $(BASE) $(HOST_CFLAGS) -c $< -o $@

# With the fake machine of tests/unit/fake_*.c in place of the system, whose calls fail when told to.
FAKE := $(wildcard tests/unit/fake_*.c)
$(BUILD)/host/unit/%_fake: tests/unit/%_fake.c $(FAKE) $(wildcard tests/unit/fake_*.h) $(HOST_OBJ)
	@mkdir -p $(@D)
	$(HOST_CC) $(BASE) $(HOST_CFLAGS) $< $(FAKE) $(filter-out %/main.o %/sys.o,$(HOST_OBJ)) \
		$(SIGNIFY_LIB) -lcmocka -lmount -lblkid -lkmod -o $@

$(BUILD)/host/unit/%: tests/unit/%.c $(HOST_OBJ)
	@mkdir -p $(@D)
	$(HOST_CC) $(BASE) $(HOST_CFLAGS) $< $(filter-out %/main.o,$(HOST_OBJ)) $(SIGNIFY_LIB) -lcmocka \
		-lmount -lblkid -lkmod -o $@

unit: $(TESTS)
	tests/run unit

check:
	scripts/setup
	$(MAKE) all host $(TESTS)
	tests/run

lint tiers boot: all
	tests/run $@

demo: all
	scripts/demo

run:
	scripts/setup
	$(MAKE) demo
	scripts/demo --run

# Cycles of boot, write and power-off; the top must be clean after each.
check-shutdown: N = 100
check-shutdown: all
	tests/boot/shutdown-campaign $(N)

# Every command of README.md, in the order in which it stands there.
check-readme: all
	scripts/demo
	tests/run readme

# Debian under its inits, with what clouds attach, and every way to end.
check-guests: all
	tests/run guests shutdown

# The longer tests of hosts and of other machines.
check-hosts: all
	$(MAKE) ARCH=aarch64 all
	$(MAKE) deb
	tests/run arm64 hosts deb

# The package in a fresh Debian root.
check-deb: deb
	tests/run deb

check-soak: all
	tests/boot/soak $(N)

# Measured, not judged: tables, CSV files and pictures below build/bench. BENCH="--only floor,layerboot" and the like.
bench-boot: all
	@mkdir -p $(BUILD)/bench
	scripts/bench-boot --csv $(BUILD)/bench/boot.csv --chart $(BUILD)/bench/boot.svg $(BENCH)

bench-fs: all
	@mkdir -p $(BUILD)/bench
	scripts/bench-fs --csv $(BUILD)/bench/fs.csv $(BENCH)

bench-fleet: all
	@mkdir -p $(BUILD)/bench
	scripts/bench-fleet --csv $(BUILD)/bench/fleet.csv $(BENCH)

# Every fault on two kernels, or on KERNEL alone.
check-faults: all
	tests/boot/faults $(if $(KERNEL),--kernel $(KERNEL))

# Power cuts: no byte that was synced may be missing.
check-power: CUTS = 200
check-power: all
	tests/boot/power-cuts $(CUTS)

# Flipped bits of a signed set: no wrong byte may reach the guest.
check-tamper: FLIPS = 2000
check-tamper: all
	tests/boot/tamper $(FLIPS)

# Mutated images of each type, planned with under sanitizers; some are booted.
check-hostile: IMAGES = 5000
check-hostile: BOOTS = 100
check-hostile: all host
	tests/boot/hostile $(IMAGES) $(BOOTS)

# Parsers and the planner under libFuzzer; first, that the seeds alone reach nearly all of the parsers' lines.
fuzz: fuzz-coverage
	tests/fuzz/run $(FUZZ_SECONDS)

fuzz-coverage:
	tests/fuzz/coverage

# Line coverage of the deciding tier by the unit tests.
coverage:
	$(MAKE) BUILD=$(BUILD)/coverage SIGNIFY=$(SIGNIFY) HOST_CFLAGS="-O0 -g --coverage" unit-binaries
	tests/coverage $(BUILD)/coverage

unit-binaries: $(TESTS)

# Manual pages, of what --help and README.md say.
man: $(BUILD)/layerboot
	scripts/man/generate $(BUILD)/man "$$(LC_ALL=C date -u -d "@$$(git log -1 --format=%ct 2>/dev/null || echo 0)" '+%B %-d, %Y')"

# make install DESTDIR=/somewhere PREFIX=/usr
install: all man
	scripts/install-tree "$(DESTDIR)" "$(PREFIX)"

# build/deb/layerboot_VERSION_amd64.deb
deb: all man
	scripts/debian/build

clean:
	rm -rf $(BUILD)/obj $(BUILD)/host $(BUILD)/coverage $(BUILD)/layerboot

FORCE:

.PHONY: FORCE all host man install deb clean demo run
.PHONY: check unit unit-binaries lint tiers boot check-readme check-guests check-soak check-shutdown check-hosts check-deb
.PHONY: bench-boot bench-fs bench-fleet fuzz fuzz-coverage coverage
.PHONY: check-faults check-power check-tamper check-hostile
.SECONDARY:
-include $(OBJ:.o=.d) $(HOST_OBJ:.o=.d)
