/* Where large static memory begins. */
#pragma once

/*
 * A boot uses the first bytes of it and leaves the rest alone, so these are to be on one page, and not on the ends of two:
 * each page takes a fault, and is copied twice once there is a helper.
 */
#define ON_A_PAGE __attribute__((aligned(4096)))
