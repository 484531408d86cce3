#include "version.h"

#ifndef LAYERBOOT_VERSION
#define LAYERBOOT_VERSION "unknown"
#endif

const char layerboot_version[] = LAYERBOOT_VERSION;
