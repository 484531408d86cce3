#include "rescue.h"

#include <errno.h>
#include <string.h>
#include <sys/reboot.h>

#include "child.h"
#include "coldplug.h"
#include "failed_boots.h"
#include "file.h"
#include "log.h"
#include "plan.h"
#include "report.h"
#include "shell.h"
#include "switch_root.h"
#include "sys.h"
#include "text.h"

#define SHELL "/bin/sh"

/* Devices that tell the host of a panic: QEMU's on PCI, and on ISA or MMIO through ACPI (docs/specs/pvpanic). */
static const char *const pvpanic_aliases[] = { "pci:v00001B36d00000011sv", "acpi:QEMU0001:" };

struct search {
	struct modules *modules;
	char modalias[512]; /* of the device, empty if there is none */
};

static void check_device(void *arg, const struct device *device)
{
	struct search *s = arg;

	for (size_t i = 0; i < sizeof(pvpanic_aliases) / sizeof(pvpanic_aliases[0]); i++)
		if (strncmp(device->modalias, pvpanic_aliases[i], strlen(pvpanic_aliases[i])) == 0)
			text_print(s->modalias, sizeof(s->modalias), "%s", device->modalias);
}

static int work_load(void *arg, struct builder *words)
{
	struct search *s = arg;

	/* It failed before there was a use for them. */
	if (!s->modules && modules_open(&s->modules) < 0)
		return -ENOMEM;
	return modules_load(s->modules, s->modalias, words);
}

/*
 * Its driver is loaded only now: in a boot that goes well it would be work for nothing. In a child, since the
 * kernel waits in there for every disk that is being probed, one that has stalled among them.
 */
static bool have_pvpanic(struct modules *modules)
{
	struct search s = { .modules = modules };
	const int64_t patience_ms = 2000;
	struct builder words;
	char unused[256];

	coldplug_each_device("pci", check_device, &s);
	coldplug_each_device("platform", check_device, &s);
	if (!s.modalias[0])
		return false;
	builder_start(&words, unused, sizeof(unused));
	int r = child_run(work_load, &s, patience_ms, &words);
	/* Loaded, and only waiting for others: the device is bound before that. */
	return r == 0 || r == -ETIMEDOUT;
}

static _Noreturn void die(void)
{
	/* PID 1 ends: the kernel panics, and so tells pvpanic, kdump and panic=. */
	for (;;)
		sys_exit(1);
}

static int work_reboot(void *arg, struct builder *unused)
{
	(void)unused;
	return sys_reboot(*(const int *)arg);
}

/* Ends the machine; or the kernel waits for a disk that has stalled, and then a panic is what still ends it. */
static _Noreturn void end_machine(const char *what, int command)
{
	const int64_t patience_ms = 10000;
	struct builder unused;
	char nothing[1];

	log_line(LOG_PRIORITY_ERROR, "%s", what);
	builder_start(&unused, nothing, sizeof(nothing));
	int r = child_run(work_reboot, &command, patience_ms, &unused);
	log_line(LOG_PRIORITY_ERROR, "%s: %s; panicking instead", what,
		 r == -ETIMEDOUT ? "the kernel waits for a device" : strerror(-r));
	/* The host has no other sign: leave the panic by a reset. */
	(void)file_write("/proc/sys/kernel/panic", "5\n");
	die();
}

/* The shell of the initramfs, never one of the merged root. */
static void offer_shell(void)
{
	struct stat st;

	if (switch_root_check() < 0 || sys_stat(SHELL, &st) < 0) {
		log_line(
			LOG_PRIORITY_ERROR,
			"there is no shell in this initramfs; mkinitramfs --with-shell brings one");
		return;
	}
	log_line(LOG_PRIORITY_ERROR, "a shell follows; the report is " PATH_REPORT
				     "; when it ends, the policy is auto");
	int r = shell_run(SHELL);
	if (r < 0)
		log_line(LOG_PRIORITY_ERROR, SHELL ": %s", strerror(-r));
}

/* A guest that can never boot is not to do it for ever: after so many times in a row it is switched off. */
static enum on_failure bound_reboots(const struct cmdline *c)
{
	uint64_t failed = c->failed + 1, stored;
	int r = failed_boots_count(&stored);

	if (r < 0) {
		log_line(LOG_PRIORITY_ERROR,
			 "this failed boot cannot be counted on the disk of the top: %s: no reboot",
			 strerror(-r));
		return ON_FAILURE_POWEROFF;
	}
	if (stored > failed)
		failed = stored;
	if (failed < c->reboots_max)
		return ON_FAILURE_REBOOT;
	log_line(LOG_PRIORITY_ERROR, "%llu failed boots in a row: no more reboots",
		 (unsigned long long)failed);
	return ON_FAILURE_POWEROFF;
}

static _Noreturn void act(enum on_failure policy, const struct cmdline *c, struct modules *modules)
{
	if (policy == ON_FAILURE_SHELL) {
		offer_shell();
		policy = ON_FAILURE_AUTO;
	}
	if (policy == ON_FAILURE_REBOOT)
		policy = bound_reboots(c);
	/* Asked first: it also loads the driver that tells the host. */
	bool told = (policy == ON_FAILURE_AUTO || policy == ON_FAILURE_PANIC) &&
		    (have_pvpanic(modules) || c->panic);

	if (policy == ON_FAILURE_AUTO)
		policy = told ? ON_FAILURE_PANIC : ON_FAILURE_POWEROFF;
	switch (policy) {
	case ON_FAILURE_REBOOT:
		end_machine("rebooting", RB_AUTOBOOT);
	case ON_FAILURE_POWEROFF:
		end_machine("powering off", RB_POWER_OFF);
	case ON_FAILURE_HALT:
		end_machine("halting", RB_HALT_SYSTEM);
	case ON_FAILURE_AUTO:
	case ON_FAILURE_PANIC:
	case ON_FAILURE_SHELL:
		break;
	}
	log_line(LOG_PRIORITY_ERROR, "panicking, so that the host is told");
	die();
}

void rescue(const struct failure *failure, const struct cmdline *c, struct modules *modules)
{
	const int everything = 8;
	char line[16384];
	struct builder b;

	builder_start(&b, line, sizeof(line));
	failure_print(failure, &b);
	/* Whatever quiet or loglevel= said: a guest that fails says so. */
	(void)sys_console_level(everything);
	log_line(LOG_PRIORITY_ERROR, "%s", line);
	report_write(failure, modules);
	act(c->on_failure, c, modules);
}
