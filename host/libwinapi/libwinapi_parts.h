/*
 * What the files of libwinapi share.  Not installed.
 *
 * The names begin with libwinapi_ because libwinapi.a puts them beside the names of whatever program it is linked
 * into; the shared library exports winapi_* only.
 */
#ifndef LIBWINAPI_PARTS_H
#define LIBWINAPI_PARTS_H

#include "host/libwinapi/libwinapi.h"

#include <stdbool.h>

/* Whether winapi_init() gave this handle and winapi_cleanup() did not take it yet.  Any value may be asked about. */
bool libwinapi_handle_is_open(winapi_handle_t handle);

/*
 * Whether buffers can be worked through.
 * Errors: as winapi_buffer_test() lists them from BUFFER_COUNT on.
 */
int libwinapi_buffers_check(const winapi_buffer_t *buffers, uint32_t count);

/* The CRC-32C of what `checksum` is that of, with `size` bytes more; 0 begins.  `size` fits an int. */
uint32_t libwinapi_checksum_add(uint32_t checksum, const void *data, size_t size);

#endif
