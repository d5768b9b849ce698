/* A program before it is started: where it is, and whether LD_PRELOAD would reach it. */
#ifndef WINAPI_PRELOAD_COMMAND_PROGRAM_H
#define WINAPI_PRELOAD_COMMAND_PROGRAM_H

#include "spec/base/error.h"

/* Looks where execvp would.  *path is malloc'ed.  -ENOENT: not there; -EACCES: there, but not to be executed; -ENOMEM.
 */
MUST_CHECK int program_find(const char *name, char **path);

/*
 * Why the loader would ignore LD_PRELOAD in this program, as a malloc'ed sentence that names the file; NULL: it would
 * not, or that cannot be told.  A script is judged by its interpreter.
 */
char *program_refusal(const char *path);

#endif
