/* What the program does on a host. Each returns its exit status: 0 yes, 1 no, 2 wrong usage. */
#pragma once

int command_plan(int argc, char **argv);
