/* write(2) that cannot kill the program we live in. */
#ifndef WINAPI_SPEC_BASE_QUIET_WRITE_H
#define WINAPI_SPEC_BASE_QUIET_WRITE_H

#include <stddef.h>
#include <sys/types.h>

/* As write(2), without SIGPIPE and SIGXFSZ: a reader that has gone, or `ulimit -f`, is an error and nothing more. */
ssize_t quiet_write(int fd, const void *data, size_t size);

#endif
