/* What is asked of the processor itself.  Each is a hint: nothing goes wrong without it. */
#ifndef WINAPI_SPEC_WIRE_PROCESSOR_H
#define WINAPI_SPEC_WIRE_PROCESSOR_H

enum { PROCESSOR_LINE = 64 }; /* bytes of a cache line */

/* This is a loop that waits for another processor's store. */
static inline void processor_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* The line will soon be read. */
static inline void processor_fetch(const void *line)
{
    __builtin_prefetch(line);
}

/* The line will soon be written, while another processor may have it. */
static inline void processor_own(void *line)
{
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("prefetchw %0" : : "m"(*(char *)line));
#else
    __builtin_prefetch(line, 1);
#endif
}

#endif
