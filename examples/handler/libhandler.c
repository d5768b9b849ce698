/*
 * A handler: what the host calls when the program calls gethostname().
 *
 * It has the prototype of the function that it stands for and may do what it likes; this one asks the real function
 * and says where the answer comes from.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int name_with_process(char *name, size_t size);

int name_with_process(char *name, size_t size)
{
    char real[256];

    if (gethostname(real, sizeof(real)))
        return -1;
    if ((size_t)snprintf(name, size, "%s, process %d", real, (int)getpid()) >= size) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}
