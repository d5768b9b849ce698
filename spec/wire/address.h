/*
 * Where a host listens or is reached: "unix:PATH" or "exec:COMMAND".
 *
 * One grammar for WINAPI_HOST, --host and --listen.  vsock, hyperv and tcp are names that this version knows and
 * refuses, saying so.
 */
#ifndef WINAPI_SPEC_WIRE_ADDRESS_H
#define WINAPI_SPEC_WIRE_ADDRESS_H

#include "spec/base/error.h"

#include <stdint.h>

enum address_kind { ADDRESS_UNIX, ADDRESS_EXEC };

struct address {
    enum address_kind kind;
    const char *text; /* behind the colon; points into what was parsed */
};

/* -EINVAL with *why set to a static text that says what is wrong and what would be right. */
MUST_CHECK int address_parse(struct address *address, const char *text, const char **why);

/*
 * The per-user host's socket, "$XDG_RUNTIME_DIR/winapi/host-0x1234" or "/tmp/winapi-UID/host-0x1234" without that
 * variable, malloc'ed.  NULL: out of memory.
 */
char *address_default_path(const char *runtime_dir, unsigned port);

/*
 * A connected stream socket, close-on-exec, or a negative errno.  The path may be longer than sun_path allows.
 * -ENOENT, -ECONNREFUSED nobody is there; -ETIMEDOUT; -EPERM who listens is another user, and not root.
 */
MUST_CHECK int address_connect_unix(const char *path, uint64_t deadline_ns);

/*
 * A listening socket, close-on-exec, or a negative errno.  Makes the directory (0700) and takes the place of a
 * socket on which nobody listens any more; -EADDRINUSE when somebody does, or something else has the name; -EPERM the
 * directory is another user's; -ENAMETOOLONG the last part of the path is over 80 bytes.
 */
MUST_CHECK int address_listen_unix(const char *path);

#endif
