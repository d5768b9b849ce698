/* The names of errno values, as errno(3) lists them: a spec file says "EIO", which has its number from this system. */
#include "spec/table/table_parts.h"

#include <errno.h>
#include <string.h>

#define ERROR(name) \
    {               \
#name, name \
    }

static const struct {
    const char *name;
    int number;
} errors[] = {
    ERROR(EPERM),        ERROR(ENOENT),        ERROR(ESRCH),           ERROR(EINTR),
    ERROR(EIO),          ERROR(ENXIO),         ERROR(E2BIG),           ERROR(ENOEXEC),
    ERROR(EBADF),        ERROR(ECHILD),        ERROR(EAGAIN),          ERROR(EWOULDBLOCK),
    ERROR(ENOMEM),       ERROR(EACCES),        ERROR(EFAULT),          ERROR(ENOTBLK),
    ERROR(EBUSY),        ERROR(EEXIST),        ERROR(EXDEV),           ERROR(ENODEV),
    ERROR(ENOTDIR),      ERROR(EISDIR),        ERROR(EINVAL),          ERROR(ENFILE),
    ERROR(EMFILE),       ERROR(ENOTTY),        ERROR(ETXTBSY),         ERROR(EFBIG),
    ERROR(ENOSPC),       ERROR(ESPIPE),        ERROR(EROFS),           ERROR(EMLINK),
    ERROR(EPIPE),        ERROR(EDOM),          ERROR(ERANGE),          ERROR(EDEADLK),
    ERROR(ENAMETOOLONG), ERROR(ENOLCK),        ERROR(ENOSYS),          ERROR(ENOTEMPTY),
    ERROR(ELOOP),        ERROR(ENOMSG),        ERROR(EIDRM),           ERROR(ENOSTR),
    ERROR(ENODATA),      ERROR(ETIME),         ERROR(ENOSR),           ERROR(ENOLINK),
    ERROR(EPROTO),       ERROR(EBADMSG),       ERROR(EOVERFLOW),       ERROR(EILSEQ),
    ERROR(EUSERS),       ERROR(ENOTSOCK),      ERROR(EDESTADDRREQ),    ERROR(EMSGSIZE),
    ERROR(EPROTOTYPE),   ERROR(ENOPROTOOPT),   ERROR(EPROTONOSUPPORT), ERROR(ESOCKTNOSUPPORT),
    ERROR(EOPNOTSUPP),   ERROR(ENOTSUP),       ERROR(EPFNOSUPPORT),    ERROR(EAFNOSUPPORT),
    ERROR(EADDRINUSE),   ERROR(EADDRNOTAVAIL), ERROR(ENETDOWN),        ERROR(ENETUNREACH),
    ERROR(ENETRESET),    ERROR(ECONNABORTED),  ERROR(ECONNRESET),      ERROR(ENOBUFS),
    ERROR(EISCONN),      ERROR(ENOTCONN),      ERROR(ESHUTDOWN),       ERROR(ETOOMANYREFS),
    ERROR(ETIMEDOUT),    ERROR(ECONNREFUSED),  ERROR(EHOSTDOWN),       ERROR(EHOSTUNREACH),
    ERROR(EALREADY),     ERROR(EINPROGRESS),   ERROR(ESTALE),          ERROR(EDQUOT),
    ERROR(ENOMEDIUM),    ERROR(EMEDIUMTYPE),   ERROR(ECANCELED),       ERROR(EREMOTEIO),
    ERROR(ECOMM),        ERROR(EOWNERDEAD),    ERROR(ENOTRECOVERABLE),
};

int error_number_parse(const char *name, int *number)
{
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (strcmp(errors[i].name, name) == 0) {
            *number = errors[i].number;
            return 0;
        }
    }
    return -EINVAL;
}
