#include "guest_command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "sys.h"
#include "text.h"

int guest_complain(const struct guest_command *c, const char *what, int error, const char *next)
{
	char escaped[4 * 4096 + 1];
	struct builder b;

	/* A path that an ordinary user made up must not write to root's terminal. */
	builder_start(&b, escaped, sizeof(escaped));
	builder_add_escaped(&b, what, "");
	(void)fprintf(stderr, "layerboot %s: %s: %s%s%s\n", c->name, escaped, strerror(-error),
		      next ? "; " : "", next ? next : "");
	return 1;
}

static int usage_error(const struct guest_command *c)
{
	(void)fprintf(stderr, "try: layerboot %s --help\n", c->name);
	return 2;
}

static int parse_options(struct guest_command *c, int argc, char **argv)
{
	static const struct option table[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "run", required_argument, NULL, 'r' },
		{ "root", required_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	c->run = GUEST_RUN;
	c->root = "/";
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == 'h')
			return fputs(c->usage, stdout) < 0 || fflush(stdout) < 0;
		if (option == '?')
			return usage_error(c);
		if ((option == 'j' && !c->takes_json) || (option == 'R' && !c->takes_root)) {
			(void)fprintf(stderr, "layerboot %s: there is no option %s\n", c->name,
				      option == 'j' ? "--json" : "--root");
			return usage_error(c);
		}
		if (option == 'j')
			c->json = true;
		else if (option == 'r')
			c->run = optarg;
		else
			c->root = optarg;
	}
	return -1;
}

static const char *next_step(int error)
{
	switch (error) {
	case -ENOENT:
		return "only a guest that layerboot has booted has it";
	case -EINVAL:
		return "it is no boot report of layerboot";
	case -EPROTONOSUPPORT:
		return "the boot report is of another format: use the layerboot of the initramfs that booted";
	default:
		return NULL;
	}
}

int guest_start(struct guest_command *c, int argc, char **argv, struct guest *ret)
{
	char path[4096];
	const char *missing;
	int r = parse_options(c, argc, argv);

	if (r >= 0)
		return r;
	if (sys_geteuid() != 0) {
		(void)fprintf(
			stderr,
			"layerboot %s: only root may look into the layers; try: sudo layerboot %s\n",
			c->name, c->name);
		return 1;
	}
	r = guest_read(c->run, ret);
	if (r < 0) {
		text_print(path, sizeof(path), "%s/report.json", c->run);
		guest_close(ret);
		return guest_complain(c, path, r, next_step(r));
	}
	r = guest_open(ret, &missing);
	if (r < 0) {
		(void)guest_complain(c, missing, r,
				     "has the layer been unmounted? mount its disk there again");
		guest_close(ret);
		return 1;
	}
	return -1;
}

int guest_end(const struct guest_command *c, struct guest *g, int status)
{
	guest_close(g);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return guest_complain(c, "standard output", -errno, NULL);
}
