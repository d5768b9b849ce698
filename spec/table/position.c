/* The walk beside the tree.  The text has been parsed, so it is JSON as cJSON takes it. */
#include "spec/table/position.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    const char *at, *end;
    struct table_text *text;
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

static void walk_item(struct walk *walk, const cJSON *item);

static void walk_children(struct walk *walk, const cJSON *parent)
{
    for (const cJSON *item = parent->child; item; item = item->next) {
        skip_sign(walk); /* the bracket, or the comma */
        walk_item(walk, item);
    }
    skip_sign(walk);
    if (!parent->child) /* both brackets */
        skip_sign(walk);
}

/* Recursion is as deep as the text nests, which was checked. */
static void walk_item(struct walk *walk, const cJSON *item)
{
    struct item_place *place = &walk->text->places[walk->text->count++];

    place->item = item;
    place->key = (size_t)(walk->at - walk->text->json);
    if (item->string) {
        skip_string(walk);
        skip_sign(walk); /* the colon */
    }
    place->value = (size_t)(walk->at - walk->text->json);
    if (cJSON_IsObject(item) || cJSON_IsArray(item))
        walk_children(walk, item);
    else if (cJSON_IsString(item))
        skip_string(walk);
    else
        skip_word(walk);
}

static size_t count_items(const cJSON *item)
{
    size_t count = 1;

    for (const cJSON *child = item->child; child; child = child->next)
        count += count_items(child);
    return count;
}

static int compare_places(const void *one, const void *other)
{
    uintptr_t a = (uintptr_t)((const struct item_place *)one)->item;
    uintptr_t b = (uintptr_t)((const struct item_place *)other)->item;

    return a < b ? -1 : a > b;
}

static bool find_all(struct table_text *text)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, at the begin of a file */
    struct walk walk = {.at = text->json, .end = text->json + text->size, .text = text};

    text->places = calloc(count_items(text->tree), sizeof(*text->places));
    if (!text->places)
        return false;
    if (text->size >= strlen(mark) && memcmp(text->json, mark, strlen(mark)) == 0)
        walk.at += strlen(mark);
    skip_spaces(&walk);
    walk_item(&walk, text->tree);
    qsort(text->places, text->count, sizeof(*text->places), compare_places);
    return true;
}

bool position_find(struct table_text *text, const cJSON *item, struct item_place *place)
{
    const struct item_place wanted = {.item = item}, *found;

    if (!text->tree || !item || (!text->places && !find_all(text)))
        return false;
    found = bsearch(&wanted, text->places, text->count, sizeof(wanted), compare_places);
    if (found)
        *place = *found;
    return found;
}

void position_forget(struct table_text *text)
{
    free(text->places);
    text->places = NULL;
    text->count = 0;
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

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

static void go_on(const struct table_text *text, struct text_cursor *cursor, size_t at)
{
    for (; cursor->at < at; cursor->at++) {
        cursor->column += begins_character(text->json[cursor->at]);
        if (text->json[cursor->at] == '\n') {
            cursor->lines++;
            cursor->column = 0;
        }
    }
}

static void go_back(const struct table_text *text, struct text_cursor *cursor, size_t at)
{
    size_t lines = 0, characters = 0;

    for (; cursor->at > at; cursor->at--) {
        lines += text->json[cursor->at - 1] == '\n';
        characters += begins_character(text->json[cursor->at - 1]);
    }
    cursor->lines -= lines;
    cursor->column -= lines ? cursor->column : characters;
    for (; lines && at > 0 && text->json[at - 1] != '\n'; at--)
        cursor->column += begins_character(text->json[at - 1]);
}

void position_lines(struct table_text *text, size_t at, size_t *line, size_t *column)
{
    if (at > text->size)
        at = text->size;
    go_on(text, &text->cursor, at);
    go_back(text, &text->cursor, at);
    *line = text->cursor.lines + 1;
    *column = text->cursor.column + 1;
}
