/*
 * What the environment asks for, read once.
 *
 * A value that makes no sense is an error line that names the variable; the default then counts, and the line says
 * which that is.  All strings are copies: the program may change its environment as it likes.
 */
#ifndef WINAPI_PRELOAD_SETTINGS_H
#define WINAPI_PRELOAD_SETTINGS_H

#include "spec/base/log.h"
#include "spec/wire/lane.h"

#include <stdbool.h>
#include <stdint.h>

enum mode { MODE_REMOTE, MODE_NATIVE, MODE_COMPARE };

struct settings {
    enum mode mode;              /* WINAPI_MODE */
    const char *route;           /* WINAPI_ROUTE, or NULL */
    const char *host;            /* WINAPI_HOST, or NULL */
    const char *spec;            /* WINAPI_SPEC, or NULL */
    uint64_t connect_timeout_ms; /* WINAPI_CONNECT_TIMEOUT */
    uint64_t call_timeout_ms;    /* WINAPI_CALL_TIMEOUT; 0: none */
    enum medium medium;          /* WINAPI_TRANSPORT */
    unsigned port;               /* WINAPI_SOCKET_PORT */
    const char *shared_memory;   /* WINAPI_SHARED_MEM, or NULL */
    const char *trace;           /* WINAPI_TRACE: "" for stderr, a path, or NULL for none */
    const char *compare_report;  /* WINAPI_COMPARE_REPORT, or NULL */
};

/* Starts the log too (WINAPI_DEBUG, WINAPI_LOG_LEVEL, WINAPI_LOG_FILE). */
void settings_read(struct settings *settings);

/* A variable of the environment as it was at the start: also before libc has set up environ.  NULL when unset. */
const char *settings_variable(const char *name);

/* The number that names a user's host: "4660", "0x1234".  -EINVAL, -ERANGE: it is none; *port is as before. */
MUST_CHECK int port_parse(const char *text, unsigned *port);

/* "remote", "native", "compare"; -EINVAL for others. */
MUST_CHECK int mode_parse(const char *text, size_t size, enum mode *mode);
const char *mode_name(enum mode mode);

#endif
