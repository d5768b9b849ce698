/* One line a call: arguments as they are after it, so that outs show what came back. */
#include "preload/control/trace.h"

#include "spec/base/log.h"
#include "spec/base/quiet_write.h"
#include "spec/base/text.h"
#include "spec/call/call.h"
#include "spec/call/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BYTES_SHOWN = 32, ELEMENTS_SHOWN = 4 };

static void show_value(struct text *line, const struct type *type, const void *address, const struct scope *scope);

static void show_floating(struct text *line, const struct type *type, const void *address)
{
    long double wide;
    double usual;
    float small;

    if (type->size == sizeof(small)) {
        memcpy(&small, address, sizeof(small));
        text_format(line, "%.9g", (double)small);
    } else if (type->size == sizeof(usual)) {
        memcpy(&usual, address, sizeof(usual));
        text_format(line, "%.17g", usual);
    } else {
        memcpy(&wide, address, sizeof(wide));
        text_format(line, "%.21Lg", wide);
    }
}

static void show_enum(struct text *line, const struct type *type, const void *address)
{
    int64_t value = (int64_t)value_load(type, address);

    for (size_t i = 0; i < type->enumerator_count; i++)
        if (type->enumerators[i].value == value) {
            text_add(line, type->enumerators[i].name);
            return;
        }
    text_format(line, "%lld", (long long)value);
}

/* Quoted; "..." follows what does not end in a NUL: a buffer, or a string cut short. */
static void show_bytes(struct text *line, const void *bytes, uint64_t size)
{
    size_t shown = size < BYTES_SHOWN ? (size_t)size : BYTES_SHOWN;
    bool is_ended = shown > 0 && shown == size && ((const char *)bytes)[shown - 1] == '\0';

    text_add(line, "\"");
    text_add_escaped(line, bytes, is_ended ? shown - 1 : shown);
    text_add(line, is_ended ? "\"" : "\"...");
}

static void show_elements(struct text *line, const struct type *element, const char *first, uint64_t count,
                          const struct scope *scope)
{
    text_add(line, "[");
    for (uint64_t i = 0; i < count && i < ELEMENTS_SHOWN; i++) {
        text_add(line, i ? ", " : "");
        show_value(line, element, first + i * element->size, scope);
    }
    text_add(line, count > ELEMENTS_SHOWN ? ", ...]" : "]");
}

static bool is_text(const struct type *target)
{
    return target->size <= 1;
}

/* No further than to the end, or than there is room.  Of what is no text the end is not shown. */
static void show_ended(struct text *line, const struct parameter *pointer, const void *address,
                       const struct scope *scope)
{
    size_t size = pointer->type->target->size;
    uint64_t room = (size == 1 ? BYTES_SHOWN : ELEMENTS_SHOWN) + 1, capacity, bytes;

    if (pointer->passing.capacity && !expression_evaluate(pointer->passing.capacity, scope, &capacity) &&
        capacity < room)
        room = capacity;
    bytes = call_measure_ended(pointer, address, room * size);
    if (size == 1)
        show_bytes(line, address, bytes ? bytes : room);
    else
        show_elements(line, pointer->type->target, address, bytes ? bytes / size - 1 : room, scope);
}

static void show_pointer(struct text *line, const struct parameter *pointer, const void *address,
                         const struct scope *scope)
{
    const struct type *target = pointer->type->target;
    const struct passing *passing = &pointer->passing;
    uint64_t count, room;

    if (!address) {
        text_add(line, "NULL");
        return;
    }
    if (passing->extent == EXTENT_ENDED) {
        show_ended(line, pointer, address, scope);
        return;
    }
    if (passing->extent == EXTENT_ONE) {
        show_elements(line, target, address, 1, scope);
        return;
    }
    if (expression_evaluate(passing->length, scope, &count)) {
        text_format(line, "%p", address);
        return;
    }
    if (passing->capacity && !expression_evaluate(passing->capacity, scope, &room) && count > room)
        count = room; /* some functions say how much there would have been */
    if (is_text(target))
        show_bytes(line, address, count);
    else
        show_elements(line, target, address, count * passing->unit / target->size, scope);
}

static void show_struct(struct text *line, const struct type *type, const void *object, const struct scope *scope)
{
    struct scope inside = {.arguments = scope->arguments, .object = object, .result = scope->result};

    text_add(line, "{");
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        const char *at = (const char *)object + field->offset;

        text_format(line, "%s%s=", i ? ", " : "", field->name);
        if (field->type->kind == TYPE_POINTER)
            show_pointer(line, &(struct parameter){.type = field->type, .passing = field->passing}, *(void *const *)at,
                         &inside);
        else
            show_value(line, field->type, at, &inside);
    }
    text_add(line, "}");
}

static void show_value(struct text *line, const struct type *type, const void *address, const struct scope *scope)
{
    switch (type->kind) {
    case TYPE_VOID:
        text_add(line, "void");
        return;
    case TYPE_BOOL:
        text_add(line, value_load(type, address) ? "true" : "false");
        return;
    case TYPE_SIGNED:
        text_format(line, "%lld", (long long)value_load(type, address));
        return;
    case TYPE_UNSIGNED:
        text_format(line, "%llu", (unsigned long long)value_load(type, address));
        return;
    case TYPE_FLOATING:
        show_floating(line, type, address);
        return;
    case TYPE_ENUM:
        show_enum(line, type, address);
        return;
    case TYPE_ARRAY:
        if (is_text(type->target))
            show_bytes(line, address, type->size);
        else
            show_elements(line, type->target, address, type->count, scope);
        return;
    case TYPE_STRUCT:
        show_struct(line, type, address, scope);
        return;
    case TYPE_HANDLE:
    case TYPE_POINTER:
    case TYPE_OPAQUE:
        text_format(line, value_load(type, address) ? "0x%llx" : "NULL", (unsigned long long)value_load(type, address));
    }
}

static void show_arguments(struct text *line, const struct row *row, const struct scope *scope)
{
    for (size_t i = 0; i < row->parameter_count; i++) {
        const struct parameter *parameter = &row->parameters[i];

        text_add(line, i ? ", " : "");
        if (parameter->type->kind == TYPE_POINTER)
            show_pointer(line, parameter, *(void *const *)scope->arguments[i], scope);
        else
            show_value(line, parameter->type, scope->arguments[i], scope);
    }
}

/* errno says something only then, and only when it is set. */
static bool is_failure(const struct row *row, const struct traced *traced)
{
    const struct type *type = row->result.type;

    return traced->error_number && row->failure.is_given && type_is_scalar(type) && type->kind != TYPE_FLOATING &&
           (int64_t)value_load(type, traced->result) == row->failure.value.integer;
}

static void show_result(struct text *line, const struct row *row, const struct traced *traced,
                        const struct scope *scope)
{
    const struct parameter *result = &row->result;

    if (result->passing.is_static_string && *(const char *const *)traced->result) {
        const char *string = *(const char *const *)traced->result;

        show_bytes(line, string, strnlen(string, BYTES_SHOWN + 1) + 1);
        return;
    }
    show_value(line, result->type, traced->result, scope);
    if (is_failure(row, traced))
        text_format(line, " (%s)", strerror(traced->error_number));
}

static void complain(const char *path)
{
    static _Atomic bool has_complained;

    if (!atomic_exchange(&has_complained, true))
        log_error("WINAPI_TRACE=%s: %s; calls are not shown", path, strerror(errno));
}

static void write_line(const char *path, const struct text *line)
{
    int fd =
        *path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666) : STDERR_FILENO;

    if (fd < 0) {
        complain(path);
        return;
    }
    (void)!quiet_write(fd, line->data, line->size);
    if (*path)
        close(fd);
}

void trace_call(const struct core *core, const struct plan *plan, const struct traced *traced)
{
    struct scope scope = {.arguments = traced->arguments, .result = traced->result};
    struct text line = {0};
    long thread = syscall(SYS_gettid);

    if (!plan)
        return;
    if (thread != (long)getpid())
        text_format(&line, "[pid %ld] ", thread);
    text_format(&line, "%s(", plan->row->name);
    show_arguments(&line, plan->row, &scope);
    text_add(&line, ") = ");
    show_result(&line, plan->row, traced, &scope);
    text_format(&line, " <%s %llu.%lluus>\n", traced->how, (unsigned long long)traced->took_ns / 1000,
                (unsigned long long)traced->took_ns % 1000 / 100);
    if (!line.failed)
        write_line(core->settings.trace, &line);
    text_finish(&line);
}
