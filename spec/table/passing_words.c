/* Each word by itself, and those that do not go together whatever the type is. */
#include "spec/table/passing_words.h"

#include "spec/table/reading.h"

#include <math.h>
#include <string.h>

static int check_extent(struct reading *reading, const char *direction, const struct extent_words *extent)
{
    if (extent->size && extent->count)
        return reading_fault(reading, "\"size\" (bytes) and \"count\" (elements) say the same; write one of them");
    if (!extent->size && !extent->count && !extent->is_string && !extent->is_list && !extent->until)
        return reading_fault(
            reading, "\"%s\" needs \"size\" (bytes), \"count\" (elements), \"until\" (the last element) or \"string\"",
            direction);
    if (extent->until && (extent->size || extent->count || extent->is_string || extent->is_list))
        return reading_fault(reading, "\"until\" says by itself how much there is; leave out \"%s\"",
                             extent->size      ? "size"
                             : extent->count   ? "count"
                             : extent->is_list ? "strings"
                                               : "string");
    if ((extent->is_string || extent->is_list) && (extent->size || extent->count))
        return reading_fault(reading, "a string ends at its NUL; leave out \"size\" and \"count\", and say with "
                                      "\"capacity\" how much room there is");
    return 0;
}

static int read_extent(struct reading *reading, const cJSON *json, struct extent_words *extent)
{
    const cJSON *item;
    int status = 0;

    (void)reading_item(reading, json);
    if (cJSON_IsTrue(json))
        return 0;
    if (!cJSON_IsObject(json))
        return reading_fault(reading, "\"%s\" must be true (one element) or an object: {\"size\": \"len\"}",
                             json->string);
    cJSON_ArrayForEach(item, json)
    {
        reading_key(reading, item);
        if (strcmp(item->string, "size") == 0)
            extent->size = item;
        else if (strcmp(item->string, "count") == 0)
            extent->count = item;
        else if (strcmp(item->string, "capacity") == 0)
            extent->capacity = item;
        else if (strcmp(item->string, "until") == 0)
            extent->until = item;
        else if (strcmp(item->string, "string") == 0)
            status = reading_flag(reading, item, &extent->is_string);
        else if (strcmp(item->string, "strings") == 0)
            status = reading_flag(reading, item, &extent->is_list);
        else
            return reading_fault(reading,
                                 "unknown key \"%.100s\" in \"%s\"; there are size, count, until, capacity, string, "
                                 "strings",
                                 item->string, json->string);
        if (status < 0)
            return status;
    }
    (void)reading_item(reading, json);
    return check_extent(reading, json->string, extent);
}

/*
 * {"in": {"size": "len"}, "out": {"size": "*got", "capacity": "len"}}: the same memory, and each way as much as it
 * says, in one unit.
 */
static int join_directions(struct reading *reading, const struct extent_words *in, const struct extent_words *out,
                           struct words *words)
{
    reading_key(reading, in->capacity);
    if (in->capacity)
        return reading_fault(reading, "\"capacity\" is room for what comes back; write it into \"out\"");
    if (words->is_string || words->is_list || !((in->size && out->size) || (in->count && out->count)))
        return reading_fault(reading, "\"in\" and \"out\" together are two sizes, both \"size\" or both \"count\": "
                                      "{\"in\": {\"size\": \"...\"}, \"out\": {\"size\": \"...\"}}; where one says "
                                      "it all, write \"inout\"");
    words->direction = DIRECTION_INOUT;
    words->extent = *in;
    words->extent.capacity = out->capacity;
    words->returned = out->size ? out->size : out->count;
    return 0;
}

static int read_both(struct reading *reading, const cJSON *in, const cJSON *out, struct words *words)
{
    struct extent_words there = {0}, back = {0};
    int status = read_extent(reading, in, &there);

    if (status == 0)
        status = read_extent(reading, out, &back);
    return status < 0 ? status : join_directions(reading, &there, &back, words);
}

static int read_directions(struct reading *reading, const cJSON *json, struct words *words)
{
    const cJSON *in = cJSON_GetObjectItemCaseSensitive(json, "in");
    const cJSON *out = cJSON_GetObjectItemCaseSensitive(json, "out");
    const cJSON *inout = cJSON_GetObjectItemCaseSensitive(json, "inout");
    const cJSON *one = in ? in : out ? out : inout;

    reading_key(reading, inout);
    if (inout && (in || out))
        return reading_fault(reading, "\"inout\" says both \"in\" and \"out\"; leave those out");
    (void)reading_item(reading, json);
    if (in && out)
        return read_both(reading, in, out, words);
    words->direction = in ? DIRECTION_IN : out ? DIRECTION_OUT : inout ? DIRECTION_INOUT : DIRECTION_NONE;
    return one ? read_extent(reading, one, &words->extent) : 0;
}

static int read_string(struct reading *reading, const cJSON *json, struct words *words)
{
    if (cJSON_IsString(json) && strcmp(json->valuestring, "static") == 0) {
        words->is_string = true;
        words->is_static = true;
        return 0;
    }
    if (!cJSON_IsTrue(json))
        return reading_fault(reading, "\"string\" must be true, or \"static\" for a result");
    words->is_string = true;
    return 0;
}

static int read_tolerance(struct reading *reading, const cJSON *json, struct words *words)
{
    words->has_tolerance = true;
    words->tolerance = cJSON_IsNumber(json) ? json->valuedouble : -1;
    if (!(words->tolerance >= 0) || !isfinite(words->tolerance))
        return reading_fault(reading, "\"tolerance\" must be a number such as 1e-9, relative to the larger value");
    return 0;
}

static int read_members(struct reading *reading, const cJSON *json, struct words *words)
{
    words->members = json;
    if (!cJSON_IsObject(json))
        return reading_fault(reading, "\"members\" must be an object: {\"data\": {\"in\": {\"size\": \"size\"}}}");
    return 0;
}

static int read_into(struct reading *reading, const cJSON *json, struct words *words)
{
    words->into = json;
    if (!cJSON_IsString(json))
        return reading_fault(reading, "\"into\" names the parameter whose memory the result points into");
    return 0;
}

static int read_word(struct reading *reading, const cJSON *json, struct words *words)
{
    const char *key = json->string;

    (void)reading_item(reading, json);
    if (strcmp(key, "in") == 0 || strcmp(key, "out") == 0 || strcmp(key, "inout") == 0)
        return 0; /* read_directions() */
    if (strcmp(key, "members") == 0)
        return read_members(reading, json, words);
    if (strcmp(key, "string") == 0)
        return read_string(reading, json, words);
    if (strcmp(key, "strings") == 0)
        return reading_flag(reading, json, &words->is_list);
    if (strcmp(key, "nullable") == 0)
        return reading_flag(reading, json, &words->nullable);
    if (strcmp(key, "close") == 0)
        return reading_flag(reading, json, &words->closes);
    if (strcmp(key, "into") == 0)
        return read_into(reading, json, words);
    if (strcmp(key, "volatile") == 0)
        return reading_flag(reading, json, &words->is_volatile);
    if (strcmp(key, "tolerance") == 0)
        return read_tolerance(reading, json, words);
    reading_key(reading, json);
    return reading_fault(reading,
                         "unknown word \"%.100s\"; there are in, out, inout, string, strings, nullable, close, "
                         "volatile, tolerance, members",
                         key);
}

/* One word alone: "in", "out", "inout", "string", "close". */
static int read_short(struct reading *reading, const char *word, struct words *words)
{
    if (strcmp(word, "in") == 0)
        words->direction = DIRECTION_IN;
    else if (strcmp(word, "out") == 0)
        words->direction = DIRECTION_OUT;
    else if (strcmp(word, "inout") == 0)
        words->direction = DIRECTION_INOUT;
    else if (strcmp(word, "string") == 0)
        words->is_string = true;
    else if (strcmp(word, "strings") == 0)
        words->is_list = true;
    else if (strcmp(word, "close") == 0)
        words->closes = true;
    else
        return reading_fault(reading,
                             "unknown word \"%.100s\"; alone there are in, out, inout, string, strings, close, and "
                             "others in an object: {\"in\": {\"size\": \"len\"}, \"nullable\": true}",
                             word);
    return 0;
}

/* Several are strings too, to all that does not look for their end. */
static int join_strings(struct reading *reading, const cJSON *json, struct words *words)
{
    words->is_string |= words->extent.is_string;
    words->is_list |= words->extent.is_list;
    (void)reading_item(reading, json);
    if (words->is_string && words->is_list)
        return reading_fault(reading, "\"string\" is one, \"strings\" are several; write one of them");
    words->is_string |= words->is_list;
    return 0;
}

int passing_words_read(struct reading *reading, const cJSON *json, struct words *words)
{
    const cJSON *item;
    int status = 0;

    *words = (struct words){0};
    if (!json)
        return 0;
    (void)reading_item(reading, json);
    if (cJSON_IsString(json))
        status = read_short(reading, json->valuestring, words);
    else if (!cJSON_IsObject(json))
        return reading_fault(reading,
                             "what is said must be a word (\"in\") or an object: {\"in\": {\"size\": \"len\"}}");
    for (item = json->child; item && status == 0; item = item->next)
        status = read_word(reading, item, words);
    if (status == 0 && cJSON_IsObject(json))
        status = read_directions(reading, json, words);
    if (status == 0)
        status = join_strings(reading, json, words);
    if (words->is_string && !words->direction)
        words->direction = DIRECTION_IN;
    (void)reading_item(reading, NULL);
    return status;
}
