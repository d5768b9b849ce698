/* Which tables this host serves. */
#ifndef WINAPI_HOST_HOST_TABLES_H
#define WINAPI_HOST_HOST_TABLES_H

#include "host/host_options.h"
#include "spec/table/catalog.h"

/*
 * Reads the winapi table and the active spec files.  One that was named and is wrong is an error; one that just lies in
 * the user's directory is left out with a line in the log.  Everything was logged.  -ENOENT, -EINVAL, -EEXIST, -ENOMEM.
 */
MUST_CHECK int host_tables_read(struct catalog *catalog, const struct host_options *options);

#endif
