/*
 * Processes of ours that the program never sees: no child of it, no SIGCHLD, nothing for its wait() to find.
 *
 * Made by raw clone without an exit signal, through an intermediate that ends at once, so that they belong to init; in
 * a program that adopts orphans the intermediate stays, and is as unseen.
 */
#ifndef WINAPI_PRELOAD_LANE_UNSEEN_H
#define WINAPI_PRELOAD_LANE_UNSEEN_H

#include "spec/base/error.h"

/*
 * Runs `main` in such a process, in a session of its own, which ends when `main` returns.  The process was cloned from
 * one that may have threads: `main` may use nothing that takes a lock, malloc among it.  Errors: what clone says.
 */
MUST_CHECK int unseen_start(void (*main)(const void *context), const void *context);

#endif
