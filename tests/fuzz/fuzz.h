/* What libFuzzer, or replay.c in its place, calls. */
#ifndef WINAPI_TESTS_FUZZ_FUZZ_H
#define WINAPI_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Works through one input; returns 0.  A fault is a crash or a sanitizer's report. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
