#include "rescue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>

#include "coldplug.h"
#include "file.h"
#include "log.h"
#include "sys.h"

/* Devices that tell the host of a panic: QEMU's on PCI, and on ISA or MMIO through ACPI (docs/specs/pvpanic). */
static const char *const pvpanic_aliases[] = { "pci:v00001B36d00000011sv", "acpi:QEMU0001:" };

struct search {
	struct modules *modules;
	bool found;
};

static void check_alias(void *arg, const char *modalias)
{
	struct search *s = arg;
	char unused[256];
	struct builder words;

	for (size_t i = 0; i < sizeof(pvpanic_aliases) / sizeof(pvpanic_aliases[0]); i++) {
		if (strncmp(modalias, pvpanic_aliases[i], strlen(pvpanic_aliases[i])) != 0)
			continue;
		builder_start(&words, unused, sizeof(unused));
		if (modules_load(s->modules, modalias, &words) == 0)
			s->found = true;
	}
}

/* Its driver is loaded only now: in a boot that goes well it would be work for nothing. */
static bool have_pvpanic(struct modules *modules)
{
	struct search s = { .modules = modules };

	/* It failed before there was a use for them. */
	if (!s.modules && modules_open(&s.modules) < 0)
		return false;
	coldplug_each_modalias("pci", check_alias, &s);
	coldplug_each_modalias("platform", check_alias, &s);
	return s.found;
}

static _Noreturn void die(void)
{
	/* PID 1 ends: the kernel panics, and so tells pvpanic, kdump and panic=. */
	for (;;)
		sys_exit(1);
}

static _Noreturn void act(enum on_failure policy, const struct cmdline *c, struct modules *modules)
{
	bool pvpanic = have_pvpanic(modules);

	if (policy == ON_FAILURE_AUTO)
		policy = pvpanic || c->panic ? ON_FAILURE_PANIC : ON_FAILURE_POWEROFF;
	switch (policy) {
	case ON_FAILURE_REBOOT:
		log_line(LOG_PRIORITY_ERROR, "rebooting");
		(void)sys_reboot(RB_AUTOBOOT);
		break;
	case ON_FAILURE_POWEROFF:
		log_line(LOG_PRIORITY_ERROR, "powering off");
		(void)sys_reboot(RB_POWER_OFF);
		break;
	case ON_FAILURE_HALT:
		log_line(LOG_PRIORITY_ERROR, "halting");
		(void)sys_reboot(RB_HALT_SYSTEM);
		break;
	case ON_FAILURE_AUTO:
	case ON_FAILURE_PANIC:
		break;
	}
	log_line(LOG_PRIORITY_ERROR, "panicking, so that the host is told");
	die();
}

void rescue(const struct failure *failure, const struct cmdline *c, struct modules *modules)
{
	const int everything = 8;
	char line[4096];
	struct builder b;

	builder_start(&b, line, sizeof(line));
	failure_print(failure, &b);
	/* Whatever quiet or loglevel= said: a guest that fails says so. */
	(void)sys_console_level(everything);
	log_line(LOG_PRIORITY_ERROR, "%s", line);
	act(c->on_failure, c, modules);
}
