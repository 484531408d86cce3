/* Which build this is. */
#pragma once

extern const char layerboot_version[];
