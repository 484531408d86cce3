#include <stdio.h>
#include <string.h>

#include "boot.h"
#include "commands.h"
#include "failure.h"
#include "shutdown.h"
#include "sys.h"
#include "version.h"

static const char help[] =
	"layerboot: boots a virtual machine from several disk images that become one root\n"
	"\n"
	"usage: layerboot COMMAND [ARGUMENT]...\n"
	"\n"
	"on any host, as any user:\n"
	"  plan        print the steps that a boot would take\n"
	"  check       look at a manifest, and at what its images hold\n"
	"  identity    print what a boot calls an image\n"
	"\n"
	"in a running guest, as root:\n"
	"  status      the layers of this boot\n"
	"  which       which layer supplies a path, and what that shadows\n"
	"  diff        what a layer, or the top, adds, changes and deletes\n"
	"  grow        grow the persistent top to the size of its disk\n"
	"\n"
	"  --version   print the version\n"
	"  --help      print this; \"layerboot COMMAND --help\" tells more\n"
	"\n"
	"Started by the kernel as /init of an initramfs it boots; scripts/mkinitramfs makes one.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "plan", command_plan },         { "check", command_check }, { "status", command_status },
	{ "which", command_which },       { "diff", command_diff },   { "grow", command_grow },
	{ "identity", command_identity },
};

static int refuse_boot(void)
{
	struct failure failure;
	char line[512];
	struct builder b;

	(void)failure_set(&failure, FAILURE_NOT_PID1, NULL, "this is process %d, not the first",
			  (int)sys_getpid());
	builder_start(&b, line, sizeof(line));
	failure_print(&failure, &b);
	(void)fprintf(stderr, "layerboot: %s\n", line);
	return 1;
}

int main(int argc, char **argv, char **envp)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";

	if (strcmp(name, "shutdown") == 0)
		return shutdown_main(argc, argv);
	/* The kernel starts /init as process 1; in a container process 1 may well be "layerboot plan". */
	if (strcmp(name, "init") == 0 || (sys_getpid() == 1 && strcmp(name, "layerboot") != 0)) {
		if (sys_getpid() != 1)
			return refuse_boot();
		boot(argv, envp);
	}
	for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (argc >= 2 && strcmp(argv[1], "--version") == 0)
		return printf("layerboot %s\n", layerboot_version) < 0;
	if (argc >= 2 && strcmp(argv[1], "--help") == 0)
		return fputs(help, stdout) < 0;
	(void)fputs(help, stderr);
	return 2;
}
