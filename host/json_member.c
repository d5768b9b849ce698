/* Checked members, and the texts that say what is wrong with them. */
#include "host/json_member.h"

#include "spec/base/own.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MOST = 60 }; /* bytes of a wrong value that are repeated to its sender */

void member_start(struct member_reader *reader, const cJSON *message)
{
    reader->message = message;
    reader->failed = false;
    reader->fault[0] = '\0';
}

/*
 * A fault repeats what a client sent, to the log and back to the client: line ends must not forge lines, and a text
 * that is cut inside a character, or never was one, is not JSON.
 */
static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

void member_fault(struct member_reader *reader, const char *format, ...)
{
    va_list arguments;

    if (reader->failed)
        return;
    reader->failed = true;
    va_start(arguments, format);
    vsnprintf(reader->fault, sizeof(reader->fault), format, arguments);
    va_end(arguments);
    make_printable(reader->fault);
}

/* "payload_size is "x"; it must be ..." */
static void wrong(struct member_reader *reader, const char *name, const cJSON *member, const char *expected)
{
    AUTO_FREE char *shown = member ? cJSON_PrintUnformatted(member) : NULL;

    if (!member)
        member_fault(reader, "%s is missing; it must be %s", name, expected);
    else
        member_fault(reader, "%s is %.*s%s; it must be %s", name, SHOWN_MOST, shown ? shown : "unreadable",
                     shown && strlen(shown) > SHOWN_MOST ? "..." : "", expected);
}

static const cJSON *find(const struct member_reader *reader, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(reader->message, name);
}

/* Bounds are asked of the double first: one that does not fit an integer must not be converted. */
static bool is_whole(const cJSON *member, uint64_t least, uint64_t most, uint64_t *value)
{
    double number = cJSON_IsNumber(member) ? member->valuedouble : -1;

    if (!(number >= 0 && number <= (double)JSON_NUMBER_MOST))
        return false;
    *value = (uint64_t)number;
    return (double)*value == number && *value >= least && *value <= most;
}

uint64_t member_number(struct member_reader *reader, const char *name, uint64_t least, uint64_t most)
{
    const cJSON *member = find(reader, name);
    char expected[80];
    uint64_t value;

    if (is_whole(member, least, most, &value))
        return value;
    snprintf(expected, sizeof(expected), "a whole number from %llu to %llu", (unsigned long long)least,
             (unsigned long long)most);
    wrong(reader, name, member, expected);
    return 0;
}

uint64_t member_number_or(struct member_reader *reader, const char *name, uint64_t least, uint64_t most,
                          uint64_t otherwise)
{
    return find(reader, name) ? member_number(reader, name, least, most) : otherwise;
}

const char *member_text(struct member_reader *reader, const char *name)
{
    const cJSON *member = find(reader, name);

    if (cJSON_IsString(member))
        return member->valuestring;
    wrong(reader, name, member, "a string");
    return "";
}

int member_word(struct member_reader *reader, const char *name, const char *const *words, int otherwise)
{
    const cJSON *member = find(reader, name);
    char expected[160] = "one of";

    if (!member && otherwise >= 0)
        return otherwise;
    for (int i = 0; words[i]; i++) {
        size_t used = strlen(expected);

        if (member && cJSON_IsString(member) && strcmp(member->valuestring, words[i]) == 0)
            return i;
        snprintf(expected + used, sizeof(expected) - used, "%s \"%s\"", i ? "," : "", words[i]);
    }
    wrong(reader, name, member, expected);
    return 0;
}

const cJSON *member_array(struct member_reader *reader, const char *name)
{
    const cJSON *member = find(reader, name);

    if (cJSON_IsArray(member))
        return member;
    wrong(reader, name, member, "an array");
    return NULL;
}
