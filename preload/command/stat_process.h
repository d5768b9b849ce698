/* `winapi stat PID`: what the calls of a running process have come to. */
#ifndef WINAPI_PRELOAD_COMMAND_STAT_PROCESS_H
#define WINAPI_PRELOAD_COMMAND_STAT_PROCESS_H

#include <stdbool.h>

/* Gives the command's exit code. */
int stat_process(long pid, bool as_json);

#endif
