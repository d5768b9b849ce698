/* The assembly: preload/stub/entry_x86_64.S.  None of these is called from C. */
#ifndef WINAPI_PRELOAD_STUB_ENTRY_H
#define WINAPI_PRELOAD_STUB_ENTRY_H

/* A stub's record points here until it is bound.  Exported as __winapi_stub_slow. */
void winapi_stub_slow(void) __asm__("__winapi_stub_slow");

/* A bound record that leads to its native function points here. */
void winapi_native_entry(void);

#endif
