/* The two hash functions that ELF's symbol tables are made with: the generic ABI's, and GNU's. */
#ifndef WINAPI_PRELOAD_STUB_ELF_HASH_H
#define WINAPI_PRELOAD_STUB_ELF_HASH_H

#include <stdint.h>

static inline uint32_t elf_hash_gnu(const char *name)
{
    uint32_t hash = 5381;

    for (const uint8_t *at = (const uint8_t *)name; *at; at++)
        hash = hash * 33 + *at;
    return hash;
}

static inline uint32_t elf_hash_sysv(const char *name)
{
    uint32_t hash = 0;

    for (const uint8_t *at = (const uint8_t *)name; *at; at++) {
        hash = (hash << 4) + *at;
        hash ^= (hash >> 24) & 0xf0;
        hash &= 0x0fffffff;
    }
    return hash;
}

#endif
