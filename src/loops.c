#include "loops.h"

#include <errno.h>
#include <linux/loop.h>

#include "sys.h"

/* Another helper may be given the same free number at the same time, and be faster. */
#define ATTEMPTS 64

static int attach(int control, int file, uint64_t offset, uint64_t size, char ret[32])
{
	struct loop_config config = {
		.fd = (unsigned)file,
		.info.lo_offset = offset,
		.info.lo_sizelimit = size,
		.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
	};
	struct builder b;
	int number = sys_ioctl(control, LOOP_CTL_GET_FREE, NULL);

	if (number < 0)
		return number;
	builder_start(&b, ret, 32);
	builder_addf(&b, "/dev/loop%d", number);
	int device = sys_open(ret, O_RDONLY);
	if (device < 0)
		return device;
	int r = sys_ioctl(device, LOOP_CONFIGURE, &config);
	if (r == 0)
		return device;
	(void)sys_close(device);
	return r;
}

int loop_attach(int file, uint64_t offset, uint64_t size, char ret[32])
{
	int device = -EBUSY;
	int control = sys_open("/dev/loop-control", O_RDWR);

	if (control < 0)
		return control;
	for (int i = 0; i < ATTEMPTS && device == -EBUSY; i++)
		device = attach(control, file, offset, size, ret);
	(void)sys_close(control);
	return device;
}
