/*
 * How failure is told.
 *
 * A function that can fail returns 0 or a negative errno and is marked MUST_CHECK, so that ignoring it is a warning.
 * The code is passed on unchanged; whoever knows the cause logs it once.
 */
#ifndef WINAPI_SPEC_BASE_ERROR_H
#define WINAPI_SPEC_BASE_ERROR_H

#define MUST_CHECK           __attribute__((warn_unused_result))
#define FORMAT_LIKE(at, arg) __attribute__((format(printf, at, arg)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
