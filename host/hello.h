/*
 * What is agreed on when a client says hello: versions, data model, and which functions are the same at both ends.
 *
 * Nothing here keeps state or sends: messages go in, parts of answers come out.
 */
#ifndef WINAPI_HOST_HELLO_H
#define WINAPI_HOST_HELLO_H

#include "host/function.h"
#include "host/json_member.h"

#include <cjson/cJSON.h>

/* "winapi-host 0.1.0" */
extern const char hello_program[];

/*
 * Reads what the hello says of its sender.  A fault in the reader when this host cannot serve it: another major
 * version (both are named, and which end to update), byte order or data model, or a member that is wrong.
 */
void hello_check(struct member_reader *hello);

/* The welcome, but for the members about the medium and tables.  NULL: out of memory. */
cJSON *hello_welcome(void);

/* [{"table":..,"match":..},...] for the tables of a hello.  NULL: out of memory, or a fault in the reader. */
cJSON *hello_tables(struct member_reader *hello, const struct host_functions *functions);

/* The answer to a `rows` message, function by function.  NULL: likewise. */
cJSON *hello_rows(struct member_reader *rows, const struct host_functions *functions);

#endif
