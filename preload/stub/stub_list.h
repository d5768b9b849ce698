/* The stubs in this process: the built-in one, and those that the loader has mapped. */
#ifndef WINAPI_PRELOAD_STUB_STUB_LIST_H
#define WINAPI_PRELOAD_STUB_STUB_LIST_H

#include "preload/stub/record.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether a stub made from the spec files with this hash is loaded. */
bool stub_list_has(uint64_t hash);

/* Calls `add` with the list of spec files that each loaded stub was made from. */
void stub_list_specs(void (*add)(const char *list, void *context), void *context);

/* Calls `visit` with each record of each stub. */
void stub_list_records(void (*visit)(struct record *record));

/* The name of the function that a record belongs to; "" when no stub has it. */
const char *stub_list_name(const struct record *record);

/* A function's code in the first stub that has it, or NULL. */
void *stub_list_code(const char *name);

/* What a call becomes for which there is nothing: gives 0. */
long stub_list_nothing(void);

#endif
