/* The host's settings, from its command line and the environment. */
#ifndef WINAPI_HOST_HOST_OPTIONS_H
#define WINAPI_HOST_HOST_OPTIONS_H

#include "host/session.h"
#include "spec/base/error.h"
#include "spec/base/log.h"
#include "spec/wire/address.h"

#include <stdbool.h>
#include <stddef.h>

enum { SPEC_OPTIONS_MOST = 256 };

/* Strings belong to the command line or the environment, but for listen_path. */
struct host_options {
    bool is_stdio;
    char *listen_path;                    /* malloc'ed */
    const char *specs[SPEC_OPTIONS_MOST]; /* of --spec */
    size_t spec_count;
    enum log_level log_level;
    const char *log_path; /* NULL: stderr */
    size_t clients;
    struct client_limits limits;
    const char *stat_path; /* NULL: none */
    int ready_fd;          /* -1: none */
};

/*
 * Whether the program goes on; otherwise *exit_status is what it ends with: help was asked for, or a value is wrong and
 * an error that names its option or variable was printed.
 */
bool host_options_read(struct host_options *options, int argc, char **argv, int *exit_status);
void host_options_finish(struct host_options *options);

#endif
