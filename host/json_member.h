/*
 * Members of a JSON message from a client: there or not, of the right type, in range.
 *
 * A reader stays failed: read all members, then ask once.  The first fault is kept as a text that names the member, its
 * value and what would be right.
 */
#ifndef WINAPI_HOST_JSON_MEMBER_H
#define WINAPI_HOST_JSON_MEMBER_H

#include "spec/base/error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest whole number up to which JSON's doubles are exact. */
#define JSON_NUMBER_MOST ((uint64_t)1 << 53)

struct member_reader {
    const cJSON *message;
    bool failed;
    char fault[256];
};

void member_start(struct member_reader *reader, const cJSON *message);

/* A whole number from `least` to `most`.  0 after a fault. */
uint64_t member_number(struct member_reader *reader, const char *name, uint64_t least, uint64_t most);

/* The same, but a member that is missing is `otherwise`. */
uint64_t member_number_or(struct member_reader *reader, const char *name, uint64_t least, uint64_t most,
                          uint64_t otherwise);

/* A string, which lives as long as the message.  "" after a fault. */
const char *member_text(struct member_reader *reader, const char *name);

/* The index in `words` of a string member; a missing one is `otherwise`, or a fault when that is negative. */
int member_word(struct member_reader *reader, const char *name, const char *const *words, int otherwise);

/* An array, for cJSON_ArrayForEach; NULL after a fault. */
const cJSON *member_array(struct member_reader *reader, const char *name);

/* Remembers a fault of the caller's, unless there is one already. */
void member_fault(struct member_reader *reader, const char *format, ...) FORMAT_LIKE(2, 3);

#endif
