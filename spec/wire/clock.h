/* Monotonic time in nanoseconds, and deadlines in it.  A deadline of 0 is never reached. */
#ifndef WINAPI_SPEC_WIRE_CLOCK_H
#define WINAPI_SPEC_WIRE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

uint64_t clock_now_ns(void);

/* The deadline that lies so far ahead; 0 for 0. */
uint64_t clock_deadline_ns(uint64_t timeout_ms);

bool clock_is_past(uint64_t deadline_ns);

/* What poll(2) wants: milliseconds until then, rounded up, -1 for never. */
int clock_poll_ms(uint64_t deadline_ns);

#endif
