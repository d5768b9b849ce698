/* The walk beside the tree.  The text has been parsed, so it is JSON as cJSON takes it. */
#include "spec/table/position.h"

#include <string.h>

struct walk {
    const char *at, *end;
    const cJSON *wanted;
    const char *key, *value; /* of `wanted`, once it was met */
};

/* What cJSON takes for spaces. */
static void skip_spaces(struct walk *walk)
{
    while (walk->at < walk->end && (unsigned char)*walk->at <= ' ')
        walk->at++;
}

static void skip_sign(struct walk *walk)
{
    skip_spaces(walk);
    if (walk->at < walk->end)
        walk->at++;
    skip_spaces(walk);
}

static void skip_string(struct walk *walk)
{
    for (walk->at++; walk->at < walk->end && *walk->at != '"'; walk->at++)
        walk->at += *walk->at == '\\' && walk->at + 1 < walk->end;
    if (walk->at < walk->end)
        walk->at++;
}

static void skip_word(struct walk *walk)
{
    while (walk->at < walk->end && (unsigned char)*walk->at > ' ' && !strchr(",]}", *walk->at))
        walk->at++;
}

static bool walk_item(struct walk *walk, const cJSON *item);

static bool walk_children(struct walk *walk, const cJSON *parent)
{
    for (const cJSON *item = parent->child; item; item = item->next) {
        skip_sign(walk); /* the bracket, or the comma */
        if (walk_item(walk, item))
            return true;
    }
    skip_sign(walk);
    if (!parent->child) /* both brackets */
        skip_sign(walk);
    return false;
}

/* Recursion is as deep as the text nests, which was checked. */
static bool walk_item(struct walk *walk, const cJSON *item)
{
    const char *key = walk->at;

    if (item->string) {
        skip_string(walk);
        skip_sign(walk); /* the colon */
    }
    if (item == walk->wanted) {
        walk->key = key;
        walk->value = walk->at;
        return true;
    }
    if (cJSON_IsObject(item) || cJSON_IsArray(item))
        return walk_children(walk, item);
    if (cJSON_IsString(item))
        skip_string(walk);
    else
        skip_word(walk);
    return false;
}

bool position_find(const struct table_text *text, const cJSON *item, struct item_place *place)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, at the begin of a file */
    struct walk walk = {.at = text->json, .end = text->json + text->size, .wanted = item};

    if (!text->tree || !item)
        return false;
    if (text->size >= strlen(mark) && memcmp(text->json, mark, strlen(mark)) == 0)
        walk.at += strlen(mark);
    skip_spaces(&walk);
    if (!walk_item(&walk, text->tree))
        return false;
    place->key = (size_t)(walk.key - text->json);
    place->value = (size_t)(walk.value - text->json);
    return true;
}

/* Bytes of UTF-8 that \uXXXX stands for; of a pair of them, two for each half. */
static size_t size_of_escape(const char *digits)
{
    unsigned code = 0;

    for (int i = 0; i < 4; i++) {
        unsigned digit = (unsigned char)digits[i];

        code = code << 4 | (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    if (code >= 0xd800 && code < 0xe000)
        return 2;
    return code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
}

size_t position_in_string(const struct table_text *text, size_t value, size_t offset)
{
    size_t at = value + 1, before = 0;

    while (at < text->size && text->json[at] != '"') {
        bool is_escape = text->json[at] == '\\';
        bool is_code = is_escape && at + 6 <= text->size && text->json[at + 1] == 'u';

        before += is_code ? size_of_escape(text->json + at + 2) : 1;
        if (before > offset)
            return at;
        at += is_code ? 6 : is_escape ? 2 : 1;
    }
    return at;
}

void position_lines(const struct table_text *text, size_t at, size_t *line, size_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < at && i < text->size; i++) {
        *column += (text->json[i] & 0xc0) != 0x80;
        if (text->json[i] == '\n') {
            ++*line;
            *column = 1;
        }
    }
}
