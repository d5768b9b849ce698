/* The report for people: the verdict first, then what was found, then what to do; never wider than a terminal. */
#include "preload/command/doctor.h"
#include "spec/base/text.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 110, LABEL = 12, NAME = 28 };

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(member(object, name));

    return text ? text : "";
}

static bool is_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(member(object, name));
}

/* Words of `text` behind what stands in the line already, broken before WIDTH; further lines begin under `indent`. */
static void wrap(const char *text, size_t used, size_t indent)
{
    size_t column = used;

    while (*text) {
        size_t size = strcspn(text, " ");

        if (column > indent && column + 1 + size > WIDTH) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)size, text);
        column += size;
        text += size + strspn(text + size, " ");
    }
    putchar('\n');
}

static void line(const char *label, const char *text)
{
    printf("  %-*s", LABEL - 2, label);
    wrap(text, LABEL, LABEL);
}

static void print_program(const cJSON *report)
{
    const cJSON *program = member(report, "program"), *link;
    struct text text AUTO_TEXT = {0};
    const char *between = "";

    cJSON_ArrayForEach(link, member(program, "chain"))
    {
        text_format(&text, "%s%s", between, cJSON_GetStringValue(link) ? cJSON_GetStringValue(link) : "");
        between = " -> ";
    }
    text_format(&text, "%s%s", text.size ? ": " : "", text_of(program, "kind"));
    if (*text_of(program, "machine"))
        text_format(&text, ", %s", text_of(program, "machine"));
    if (*text_of(program, "interpreter"))
        text_format(&text, ", %s (%s)", text_of(program, "libc"), text_of(program, "interpreter"));
    if (is_true(program, "go"))
        text_add(&text, ", Go: only what it calls through cgo passes the loader");
    line("program", text.data ? text.data : "");
    if (*text_of(program, "refusal"))
        line("", text_of(program, "refusal"));
    line("preload", is_true(member(report, "preload"), "found") ? text_of(member(report, "preload"), "path")
                                                                : "libwinapi_preload.so was not found");
}

static void print_libraries(const cJSON *report)
{
    const cJSON *library;
    struct text text AUTO_TEXT = {0};

    cJSON_ArrayForEach(library, member(report, "libraries"))
        text_format(&text, "%s%s", text.size ? " " : "", text_of(library, "path"));
    if (text.size)
        line("libraries", text.data);
    cJSON_ArrayForEach(library, member(report, "missing"))
    {
        struct text missing AUTO_TEXT = {0};

        text_format(&missing, "%s, needed by %s", text_of(library, "name"), text_of(library, "needed_by"));
        line("missing", missing.data ? missing.data : "");
    }
}

static void print_specs(const cJSON *report)
{
    const cJSON *spec, *fault;

    cJSON_ArrayForEach(spec, member(report, "specs"))
    {
        struct text text AUTO_TEXT = {0};

        text_format(&text, "%s (%s)", text_of(spec, "path"), text_of(spec, "from"));
        if (*text_of(spec, "table"))
            text_format(&text, ": table %s, %d function(s)", text_of(spec, "table"),
                        (int)cJSON_GetNumberValue(member(spec, "functions")));
        line("spec file", text.data ? text.data : "");
        cJSON_ArrayForEach(fault, member(spec, "faults")) line("  fault", cJSON_GetStringValue(fault));
    }
}

static void print_host(const cJSON *report)
{
    const cJSON *host = member(report, "host"), *entry;
    struct text text AUTO_TEXT = {0};

    if (!is_true(host, "asked")) {
        line("host", "not asked: nothing of this program would go there");
        return;
    }
    if (!is_true(host, "answers")) {
        line("host", text_of(host, "why"));
        return;
    }
    text_format(&text, "%s answers: %s, %s, pid %.0f; calls through %s%s%s", text_of(host, "address"),
                text_of(host, "program"), text_of(host, "system"), cJSON_GetNumberValue(member(host, "pid")),
                strcmp(text_of(host, "medium"), "memory") == 0 ? "shared memory" : "sockets",
                *text_of(host, "medium_why") ? ": " : "", text_of(host, "medium_why"));
    line("host", text.data ? text.data : "");
    cJSON_ArrayForEach(entry, member(host, "tables"))
    {
        struct text table AUTO_TEXT = {0};

        text_format(&table, "%s: %s", text_of(entry, "name"), text_of(entry, "state"));
        line("  table", table.data ? table.data : "");
    }
    cJSON_ArrayForEach(entry, member(host, "differences"))
    {
        struct text row AUTO_TEXT = {0};

        text_format(&row, "%s: here %s, there %s", text_of(entry, "name"), text_of(entry, "guest"),
                    *text_of(entry, "host") ? text_of(entry, "host") : "no such row");
        line("  row", row.data ? row.data : "");
    }
}

static void print_surroundings(const cJSON *report)
{
    const cJSON *entry;

    cJSON_ArrayForEach(entry, member(report, "settings")) line("setting", cJSON_GetStringValue(entry));
    cJSON_ArrayForEach(entry, member(report, "stubs"))
    {
        struct text text AUTO_TEXT = {0};

        text_format(&text, "%s%s%s", text_of(entry, "path"),
                    is_true(entry, "usable") ? "" : ": cannot be used: ", text_of(entry, "why"));
        line("stubs", text.data ? text.data : "");
    }
}

/* "by winapi run, kept stub, LD_PRELOAD" */
static void add_ways(struct text *text, const cJSON *function)
{
    static const char *const names[][2] = {{"run", "winapi run"}, {"stub", "a kept stub"}, {"preload", "LD_PRELOAD"}};
    const cJSON *way;
    const char *between = " by ";

    cJSON_ArrayForEach(way, member(function, "ways"))
    {
        for (size_t i = 0; i < COUNT_OF(names); i++)
            if (strcmp(names[i][0], cJSON_GetStringValue(way)) == 0)
                text_format(text, "%s%s", between, names[i][1]);
        between = ", ";
    }
}

static void print_function(const cJSON *function)
{
    struct text text AUTO_TEXT = {0};
    const cJSON *use;

    printf("  %-*s ", NAME, text_of(function, "name"));
    text_add(&text, text_of(function, "outcome"));
    add_ways(&text, function);
    if (strcmp(text_of(function, "mode"), "remote") != 0)
        text_format(&text, "; mode %s", text_of(function, "mode"));
    if (!is_true(function, "defined"))
        text_add(&text, "; nothing here defines it");
    if (*text_of(function, "not_served"))
        text_add(&text, "; the host does not serve it");
    cJSON_ArrayForEach(use, member(function, "uses")) text_format(&text, "; %s", text_of(use, "why"));
    wrap(text.data ? text.data : "", 2 + NAME + 1, 2 + NAME + 1);
}

static void print_functions(const cJSON *report)
{
    const cJSON *function;
    struct text unseen AUTO_TEXT = {0};
    bool is_first = true;

    cJSON_ArrayForEach(function, member(report, "functions"))
    {
        if (strcmp(text_of(function, "outcome"), "unseen") == 0) {
            text_format(&unseen, "%s%s", unseen.size ? " " : "", text_of(function, "name"));
            continue;
        }
        if (is_first)
            printf("\nfunctions\n");
        is_first = false;
        print_function(function);
    }
    if (unseen.size) {
        printf("\nnot seen in the files%s\n  ",
               is_true(report, "calls_dlsym")
                   ? " (caught all the same when a library opened later calls them, or dlsym "
                     "is asked for them)"
                   : "");
        wrap(unseen.data, 2, 2);
    }
}

void doctor_print(const cJSON *report)
{
    const cJSON *advice;
    int number = 0;

    wrap(text_of(report, "summary"), 0, 0);
    putchar('\n');
    print_program(report);
    print_libraries(report);
    print_specs(report);
    print_host(report);
    print_surroundings(report);
    print_functions(report);
    printf("\nwhat to do\n");
    cJSON_ArrayForEach(advice, member(report, "advice"))
    {
        printf("%3d. ", ++number);
        wrap(cJSON_GetStringValue(advice), 5, 5);
    }
}
