/*
 * What is wrong with spec files, a line each.
 *
 * The text quotes the spec file, so bytes that would break the line are shown as spaces.  A file with more faults
 * than anybody would read has only the first ones listed, and a line that says so.
 */
#include "spec/table/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES_MOST = 1000 };

void diagnostics_finish(struct diagnostics *diagnostics)
{
    text_finish(&diagnostics->text);
    diagnostics->count = 0;
}

bool diagnostics_are_full(const struct diagnostics *diagnostics)
{
    return diagnostics->count > LINES_MOST;
}

static void keep_to_one_line(char *line)
{
    for (; *line; line++) {
        if ((unsigned char)*line < ' ' || *line == 127)
            *line = ' ';
    }
}

void diagnostics_add(struct diagnostics *diagnostics, const char *format, ...)
{
    char *line = NULL;
    va_list arguments;

    if (diagnostics_are_full(diagnostics))
        return;
    if (++diagnostics->count > LINES_MOST) {
        text_format(&diagnostics->text, "more than %d faults: the others are not listed\n", LINES_MOST);
        return;
    }

    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0)
        line = NULL;
    va_end(arguments);

    if (line)
        keep_to_one_line(line);
    text_add(&diagnostics->text, line ? line : "out of memory");
    text_add(&diagnostics->text, "\n");
    free(line);
}
