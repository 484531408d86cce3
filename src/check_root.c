#include "check_root.h"

#include <errno.h>
#include <string.h>

#include "executable.h"
#include "plan.h"
#include "sys.h"

/* A script whose interpreter is a script; the kernel follows as many (BINPRM_MAX_RECURSION). */
#define INTERPRETERS_MAX 5

struct root {
	const struct check_input *in;
	const struct merge_layer *layers;
	size_t count;
	struct check_report *report;
};

static void fail(const struct root *root, enum failure_kind kind, const char *layer,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

static void fail(const struct root *root, enum failure_kind kind, const char *layer,
		 const char *format, ...)
{
	static char text[2048];
	struct failure failure;
	struct builder b;
	va_list args;

	va_start(args, format);
	builder_start(&b, text, sizeof(text));
	builder_addv(&b, format, args);
	va_end(args);
	(void)failure_set(&failure, kind, layer, "%s", text);
	check_report_failure(root->report, &failure);
}

/* As the boot looks for it (find_init). */
static int find_program(const struct root *root, const char *path, struct merged_path *ret)
{
	int r = merged_resolve(root->layers, root->count, path, ret);

	if (r < 0)
		return r;
	if (!S_ISREG(ret->st.st_mode))
		return S_ISDIR(ret->st.st_mode) ? -EISDIR : -EACCES;
	return ret->st.st_mode & 0111 ? 0 : -EACCES;
}

static int read_head(const struct merged_path *found, struct executable *ret)
{
	static char head[EXECUTABLE_HEAD_MAX];
	int fd = merged_open(found, O_RDONLY | O_NOFOLLOW);

	if (fd < 0)
		return fd;
	ssize_t len = sys_pread(fd, head, sizeof(head), 0);
	(void)sys_close(fd);
	if (len < 0)
		return (int)len;
	executable_parse((struct slice){ .at = head, .len = (size_t)len }, ret);
	return 0;
}

/* The init, and then what runs it: its dynamic loader, or the interpreter of a script. */
static void check_program(const struct root *root, const char *path, struct merged_path *found)
{
	struct executable program;
	char asked[sizeof(program.interpreter)], shown[256];

	for (int depth = 0; depth < INTERPRETERS_MAX; depth++) {
		struct builder b;
		builder_start(&b, shown, sizeof(shown));
		builder_add_escaped(&b, path, "");
		int r = read_head(found, &program);
		const char *em = machine_name(program.machine);
		if (r < 0) {
			fail(root, FAILURE_LAYER_READ, found->layer->name, "%s: %s", shown,
			     strerror(-r));
			return;
		}
		if (program.kind == EXECUTABLE_UNKNOWN) {
			fail(root, FAILURE_INIT_EXEC, found->layer->name,
			     "%s is no program: neither ELF nor a script", shown);
			return;
		}
		if (program.kind == EXECUTABLE_ELF &&
		    !machine_runs(root->in->machine, program.machine)) {
			fail(root, FAILURE_INIT_EXEC, found->layer->name,
			     "%s is a program for %s, and the kernel is one for %s", shown,
			     em ? em : "another machine", root->in->machine);
			return;
		}
		if (!program.interpreter[0])
			return;
		r = find_program(root, program.interpreter, found);
		if (r < 0) {
			fail(root, FAILURE_INIT_EXEC, NULL, "%s needs %s in the merged root: %s",
			     shown, program.interpreter, strerror(-r));
			return;
		}
		strcpy(asked, program.interpreter);
		path = asked;
	}
}

static void check_init(const struct root *root)
{
	static const char *const usual[] = { "/sbin/init", "/etc/init", "/bin/init" };
	const char *wanted = root->in->host->cmdline.init, *path = wanted;
	static struct merged_path found;
	int r = wanted ? find_program(root, wanted, &found) : -ENOENT;

	for (size_t i = 0; !wanted && i < sizeof(usual) / sizeof(usual[0]) && r == -ENOENT; i++) {
		path = usual[i];
		r = find_program(root, path, &found);
	}
	if (r < 0)
		fail(root, FAILURE_INIT_MISSING, NULL, "%s in the merged root: %s", path,
		     strerror(-r));
	else
		check_program(root, path, &found);
}

/* What is missing is made in a top that can be written to. */
static void check_directories(const struct root *root)
{
	static struct merged_path found;

	for (size_t i = 0; i < plan_moves_count; i++) {
		const char *path = plan_moves[i].target + strlen(PATH_SYSROOT);
		int r = merged_find(root->layers, root->count, path, &found);
		if (r == 0 && !S_ISDIR(found.st.st_mode))
			r = -ENOTDIR;
		if (r < 0 && !(r == -ENOENT && root->in->writable))
			fail(root, FAILURE_ROOT_DIRECTORY, NULL, "%s: %s", path, strerror(-r));
	}
}

static void check_modules(const struct root *root)
{
	static struct merged_path found;
	char path[512], text[640];
	struct builder b;

	if (!root->in->release)
		return;
	builder_start(&b, path, sizeof(path));
	builder_addf(&b, "/lib/modules/%s", root->in->release);
	int r = merged_resolve(root->layers, root->count, path, &found);
	if (r == 0 && S_ISDIR(found.st.st_mode))
		return;
	builder_start(&b, text, sizeof(text));
	builder_addf(&b, "the merged root has no %s, and the system will load no module", path);
	const struct check_finding f = {
		.word = failure_word(FAILURE_MODULES_MISSING)->word,
		.text = text,
		.next = "add a layer with them, unless the kernel has all built in",
	};
	check_report_add(root->report, &f);
}

static bool is_kind(mode_t a, mode_t b)
{
	return (a & S_IFMT) == (b & S_IFMT) && (S_ISREG(a) || S_ISDIR(a));
}

static void check_protect(const struct root *root, size_t index, const char *path)
{
	static struct merged_path own, merged;
	const struct merge_layer *layer = &root->layers[index];
	int r = merged_find(layer, 1, path, &own);

	if (r < 0) {
		fail(root, FAILURE_PROTECT, layer->name, "%s in the layer: %s", path, strerror(-r));
		return;
	}
	if (!S_ISREG(own.st.st_mode) && !S_ISDIR(own.st.st_mode)) {
		fail(root, FAILURE_PROTECT, layer->name,
		     "%s is neither a regular file nor a directory", path);
		return;
	}
	r = merged_resolve(root->layers, root->count, path, &merged);
	if (r < 0)
		fail(root, FAILURE_PROTECT, layer->name, "%s in the merged root: %s", path,
		     strerror(-r));
	else if (!is_kind(own.st.st_mode, merged.st.st_mode))
		fail(root, FAILURE_PROTECT, layer->name,
		     "%s is of another kind in the merged root, where layer \"%s\" supplies it",
		     path, merged.layer->name);
}

void check_root(const struct check_input *in, const struct merge_layer *layers,
		const struct resolved_layer *const *resolved, size_t count,
		struct check_report *report)
{
	const struct root root = { .in = in, .layers = layers, .count = count, .report = report };

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < resolved[i]->layer->protect_count; k++)
			check_protect(&root, i, resolved[i]->layer->protect[k]);
	check_init(&root);
	check_directories(&root);
	check_modules(&root);
}
