/* What the program does on a host. Each returns its exit status: 0 yes, 1 no, 2 wrong usage. */
#pragma once

int command_plan(int argc, char **argv);
int command_check(int argc, char **argv);
int command_identity(int argc, char **argv);

/* In a running guest, as root. */
int command_status(int argc, char **argv);
int command_which(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_grow(int argc, char **argv);
