/*
 * `winapi route PID [ROUTES]`: shows and changes where a running process's functions run.
 *
 * What can be wrong with the routes is found here, by the names and families that the process's control memory lists,
 * and then nothing is changed.  The process itself refuses what only it can know: that there is no native function.
 */
#include "preload/command/command.h"
#include "preload/command/guest_control.h"
#include "preload/settings.h"
#include "spec/base/own.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_MOST = 256, MEMBERS_SHOWN = 3 };

static const char help[] =
    "usage: winapi route PID [FUNCTION=MODE[,FUNCTION=MODE]...]\n"
    "\n"
    "Changes where functions of a running process run: remote, native or compare.  FUNCTION may be a pattern, as\n"
    "the shell's; a later one counts over an earlier one.  Functions that share handles are a family and go\n"
    "together, when none of their objects is live.  Without routes it shows the modes.\n";

struct routes {
    struct guest_control control;
    uint8_t *wishes; /* of each function: CONTROL_NO_WISH, or enum mode plus one */
    bool *is_named;  /* not by a pattern */
};

static int complain(long pid, const char *what)
{
    fprintf(stderr, "winapi route: %ld: %s\n", pid, what);
    return 1;
}

/* ---- reading routes ---- */

static bool apply_pattern(struct routes *routes, const char *pattern, enum mode mode)
{
    const struct control_view *view = &routes->control.view;
    bool is_pattern = strpbrk(pattern, "*?[") != NULL;
    bool has_matched = false;

    for (size_t i = 0; i < view->function_count; i++)
        if (fnmatch(pattern, control_view_name(view, i), 0) == 0) {
            routes->wishes[i] = (uint8_t)(mode + 1);
            routes->is_named[i] = !is_pattern;
            has_matched = true;
        }
    return has_matched;
}

static int apply_entry(struct routes *routes, const char *entry, size_t size)
{
    const char *equals = memchr(entry, '=', size);
    size_t length = equals ? (size_t)(equals - entry) : 0;
    char pattern[PATTERN_MOST];
    enum mode mode;

    if (length == 0 || length >= sizeof(pattern) || mode_parse(equals + 1, size - length - 1, &mode)) {
        fprintf(stderr, "winapi route: \"%.*s\": write FUNCTION=remote, =native or =compare; nothing was changed\n",
                (int)size, entry);
        return 1;
    }
    memcpy(pattern, entry, length);
    pattern[length] = '\0';
    if (apply_pattern(routes, pattern, mode))
        return 0;
    fprintf(stderr, "winapi route: \"%s\" is no function of the process's tables; nothing was changed\n", pattern);
    return 1;
}

static int apply_entries(struct routes *routes, const char *text)
{
    int code = 0;

    while (!code && *text) {
        size_t size = strcspn(text, ",");

        if (size)
            code = apply_entry(routes, text, size);
        text += size + (text[size] == ',');
    }
    return code;
}

/* ---- families ---- */

static enum mode mode_then(const struct routes *routes, size_t function)
{
    uint8_t wish = routes->wishes[function];

    return wish ? (enum mode)(wish - 1) : (enum mode)routes->control.view.functions[function].mode;
}

static void complain_of_split(const struct routes *routes, size_t one, size_t other)
{
    const struct control_view *view = &routes->control.view;
    const char *comma = "";

    fprintf(stderr,
            "winapi route: %s=%s and %s=%s would split a family: they share a handle type, so route all of them "
            "alike (",
            control_view_name(view, one), mode_name(mode_then(routes, one)), control_view_name(view, other),
            mode_name(mode_then(routes, other)));
    for (size_t i = 0; i < view->function_count; i++)
        if (view->functions[i].family == view->functions[one].family) {
            fprintf(stderr, "%s%s", comma, control_view_name(view, i));
            comma = ", ";
        }
    fprintf(stderr, "); nothing was changed\n");
}

/* The first function of the family; function_count when it has none. */
static size_t first_member(const struct control_view *view, size_t family)
{
    size_t i = 0;

    while (i < view->function_count && view->functions[i].family != family + 1)
        i++;
    return i;
}

static int check_families(const struct routes *routes)
{
    const struct control_view *view = &routes->control.view;

    for (size_t i = 0; i < view->function_count; i++) {
        size_t first = view->functions[i].family ? first_member(view, view->functions[i].family - 1) : i;

        if (mode_then(routes, first) == mode_then(routes, i))
            continue;
        complain_of_split(routes, first, i);
        return 1;
    }
    return 0;
}

/* ---- telling ---- */

static void print_members(const struct control_view *view, size_t family)
{
    size_t count = 0;

    for (size_t i = 0; i < view->function_count; i++)
        if (view->functions[i].family == family + 1 && count++ < MEMBERS_SHOWN) {
            if (count > 1)
                fputs(", ", stdout);
            guest_control_print(control_view_name(view, i));
        }
    if (count > MEMBERS_SHOWN)
        printf(" and %zu more", count - MEMBERS_SHOWN);
}

/* What became of the wish; 1: it was refused. */
static int tell_outcome(uint32_t answer, enum mode now, enum mode wished, bool seen)
{
    if (!seen) {
        printf(": %s now; %s with the process's next call\n", mode_name(now), mode_name(wished));
        return 0;
    }
    if (answer == CONTROL_NO_NATIVE)
        printf(": stays %s: the process has no native function of that name\n", mode_name(now));
    else if (answer == CONTROL_UNCOUNTED)
        printf(": stays %s: it gives out handles where they cannot be counted\n", mode_name(now));
    else
        printf(": %s\n", mode_name(now));
    return answer != CONTROL_DONE;
}

static void tell_pending(const struct control_family *family, enum mode now, enum mode wished)
{
    if (family->objects)
        printf(": %s; %u live object%s; %s when %s gone\n", mode_name(now), family->objects,
               family->objects == 1 ? "" : "s", mode_name(wished), family->objects == 1 ? "it is" : "they are");
    else
        printf(": %s; a call is on its way; %s when it has ended\n", mode_name(now), mode_name(wished));
}

static int tell_family(const struct routes *routes, size_t number, bool seen)
{
    const struct control_view *view = &routes->control.view;
    const struct control_family *family = &view->families[number];
    size_t first = first_member(view, number);

    if (first == view->function_count || !routes->wishes[first])
        return 0;
    print_members(view, number);
    if (seen && family->answer == CONTROL_PENDING) {
        tell_pending(family, (enum mode)view->functions[first].mode, mode_then(routes, first));
        return 0;
    }
    return tell_outcome(family->answer, (enum mode)view->functions[first].mode, mode_then(routes, first), seen);
}

/* Functions that a pattern matched and that have no native twin are told of together, and are no failure. */
static int tell(const struct routes *routes, bool seen)
{
    const struct control_view *view = &routes->control.view;
    size_t without = 0;
    int code = 0;

    for (size_t i = 0; i < view->function_count; i++) {
        const struct control_function *function = &view->functions[i];

        if (!routes->wishes[i] || function->family)
            continue;
        if (seen && function->answer == CONTROL_NO_NATIVE && !routes->is_named[i]) {
            without++;
            continue;
        }
        guest_control_print(control_view_name(view, i));
        code |= tell_outcome(function->answer, (enum mode)function->mode, mode_then(routes, i), seen);
    }
    for (size_t i = 0; i < view->family_count; i++)
        code |= tell_family(routes, i, seen);
    if (without)
        printf("%zu function%s: no native function of that name in the process; as before\n", without,
               without == 1 ? "" : "s");
    return code;
}

static int show_modes(const struct control_view *view)
{
    printf("%-16s %-32s %s\n", "table", "function", "mode");
    for (size_t i = 0; i < view->function_count; i++) {
        const struct control_function *function = &view->functions[i];
        const struct control_family *family = function->family ? &view->families[function->family - 1] : NULL;

        printf("%-16.64s %-32.128s %s", control_view_table(view, i), control_view_name(view, i),
               mode_name((enum mode)function->mode));
        if (family && family->answer == CONTROL_PENDING)
            printf(", to be switched; live objects of its family: %u", family->objects);
        printf("\n");
    }
    return 0;
}

/* ---- all of it ---- */

static int change(struct routes *routes, const char *text)
{
    int error = guest_control_lock(&routes->control);
    size_t count = routes->control.view.function_count;
    bool seen;
    int code;

    if (error)
        return complain(routes->control.pid, routes->control.why);
    routes->wishes = calloc(count + 1, sizeof(*routes->wishes));
    routes->is_named = calloc(count + 1, sizeof(*routes->is_named));
    if (!routes->wishes || !routes->is_named)
        return complain(routes->control.pid, strerror(ENOMEM));
    code = apply_entries(routes, text);
    if (!code)
        code = check_families(routes);
    if (code)
        return code;
    if (guest_control_wish(&routes->control, routes->wishes, &seen) || routes->control.view.function_count != count)
        return complain(routes->control.pid, routes->control.why);
    return tell(routes, seen);
}

/* Names were printed as they are: a view whose names could steer the terminal is not shown. */
static bool are_names_plain(const struct control_view *view)
{
    for (size_t i = 0; i < view->header.names_size; i++)
        if (view->names[i] && ((unsigned char)view->names[i] < 0x20 || (unsigned char)view->names[i] > 0x7e))
            return false;
    return true;
}

static int route(long pid, const char *text)
{
    struct routes routes = {0};
    int code;

    if (guest_control_open(&routes.control, pid))
        return complain(pid, routes.control.why);
    if (!are_names_plain(&routes.control.view))
        code = complain(pid, "its control memory makes no sense; somebody has written to it");
    else
        code = text ? change(&routes, text) : show_modes(&routes.control.view);
    free(routes.wishes);
    free(routes.is_named);
    guest_control_close(&routes.control);
    return code;
}

int command_route(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    long pid;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        fputs(help, option == 'h' ? stdout : stderr);
        return option == 'h' ? 0 : 2;
    }
    if (argc - optind < 1 || argc - optind > 2 || !guest_control_parse_pid(argv[optind], &pid)) {
        fputs(help, stderr);
        return 2;
    }
    return route(pid, argv[optind + 1]);
}
