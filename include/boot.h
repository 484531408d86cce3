/* PID 1 from the kernel's exec to its own. */
#pragma once

_Noreturn void boot(char **argv, char **envp);
