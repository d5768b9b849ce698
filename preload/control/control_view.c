/* Sizes are compared before they are added or multiplied: all of them may be anything. */
#include "preload/control/control_view.h"

#include "preload/settings.h"

#include <errno.h>
#include <string.h>

static bool lies_inside(uint64_t offset, uint64_t count, uint64_t each, uint64_t size)
{
    return offset <= size && count <= (size - offset) / each;
}

int control_view_size(const struct control_header *header, uint64_t memory_size, uint64_t *size)
{
    if (memcmp(header->magic, CONTROL_MAGIC, sizeof(header->magic)) != 0)
        return -EBADMSG;
    if (header->version != CONTROL_VERSION)
        return -EPROTONOSUPPORT;
    if (header->size != memory_size || header->counts_offset > memory_size ||
        header->counts_offset < sizeof(struct control_header) || header->counts_offset > CONTROL_INDEX_MOST ||
        header->counts_offset % CONTROL_PAGE)
        return -EBADMSG;
    *size = header->counts_offset;
    return 0;
}

static bool are_areas_inside(const struct control_header *header, uint64_t size)
{
    return header->function_count <= CONTROL_FUNCTIONS_MOST && header->family_count <= header->function_count &&
           header->shard_count > 0 && header->shard_count <= CONTROL_SHARDS && header->functions_offset % 8 == 0 &&
           header->families_offset % 8 == 0 &&
           lies_inside(header->functions_offset, header->function_count, sizeof(struct control_function), size) &&
           lies_inside(header->families_offset, header->family_count, sizeof(struct control_family), size) &&
           lies_inside(header->names_offset, header->names_size, 1, size) &&
           lies_inside(header->counts_offset, (uint64_t)header->shard_count * header->function_count,
                       sizeof(struct control_counts), header->size);
}

static bool is_name(const struct control_view *view, uint32_t name)
{
    return name < view->header.names_size && memchr(view->names + name, '\0', view->header.names_size - name);
}

static bool is_function(const struct control_view *view, const struct control_function *function)
{
    return is_name(view, function->name) && is_name(view, function->table) && function->family <= view->family_count &&
           function->mode <= MODE_COMPARE && function->answer < CONTROL_ANSWERS;
}

int control_view_open(struct control_view *view, const void *index, uint64_t size, uint64_t memory_size)
{
    uint64_t expected;
    int error;

    *view = (struct control_view){0};
    if (size < sizeof(view->header))
        return -EBADMSG;
    memcpy(&view->header, index, sizeof(view->header));
    view->header.session.address[CONTROL_ADDRESS_MOST - 1] = '\0';
    error = control_view_size(&view->header, memory_size, &expected);
    if (error)
        return error;
    if (expected != size || !are_areas_inside(&view->header, size))
        return -EBADMSG;
    view->functions = (const void *)((const char *)index + view->header.functions_offset);
    view->families = (const void *)((const char *)index + view->header.families_offset);
    view->names = (const char *)index + view->header.names_offset;
    view->function_count = view->header.function_count;
    view->family_count = view->header.family_count;
    for (size_t i = 0; i < view->function_count; i++)
        if (!is_function(view, &view->functions[i]))
            return -EBADMSG;
    for (size_t i = 0; i < view->family_count; i++)
        if (view->families[i].answer >= CONTROL_ANSWERS)
            return -EBADMSG;
    return 0;
}

const char *control_view_name(const struct control_view *view, size_t function)
{
    return view->names + view->functions[function].name;
}

const char *control_view_table(const struct control_view *view, size_t function)
{
    return view->names + view->functions[function].table;
}

uint64_t control_view_counts_offset(const struct control_view *view, size_t shard, size_t function)
{
    return view->header.counts_offset +
           ((uint64_t)shard * view->function_count + function) * sizeof(struct control_counts);
}
