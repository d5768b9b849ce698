/* The process's control memory holds it all; its program's name is the kernel's. */
#include "preload/command/stat_process.h"

#include "preload/command/guest_control.h"
#include "preload/settings.h"
#include "spec/base/file.h"
#include "spec/base/own.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum { PERCENT_MIDDLE = 50, PERCENT_SLOW = 99, NAME_MOST = 4096 };

/* One line: a function, or the sum. */
struct line {
    const char *table, *name, *mode;
    bool is_direct;
    struct control_counts counts;
};

static int complain(long pid, const char *what)
{
    fprintf(stderr, "winapi stat: %ld: %s\n", pid, what);
    return 1;
}

/* What the process calls itself, malloc'ed; NULL: not to be had. */
static char *program_name(long pid)
{
    char path[64], *name;
    size_t size;

    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    if (file_read(path, NAME_MOST, &name, &size))
        return NULL;
    name[strcspn(name, "\n")] = '\0';
    return name;
}

static int read_line(const struct guest_control *control, size_t function, struct line *line)
{
    const struct control_view *view = &control->view;

    line->table = control_view_table(view, function);
    line->name = control_view_name(view, function);
    line->mode = mode_name((enum mode)view->functions[function].mode);
    line->is_direct = view->functions[function].is_direct == 1;
    return guest_control_counts(control, function, &line->counts);
}

static const char *medium_name(const struct control_session *session)
{
    return session->medium == MEDIUM_SOCKET ? "socket" : "memory";
}

/* ---- text ---- */

static void print_duration(uint64_t ns)
{
    char text[32];

    if (ns < 10000)
        snprintf(text, sizeof(text), "%.2f us", (double)ns / 1e3);
    else if (ns < 10000000)
        snprintf(text, sizeof(text), "%.0f us", (double)ns / 1e3);
    else
        snprintf(text, sizeof(text), "%.0f ms", (double)ns / 1e6);
    printf(" %10s", text);
}

static void print_padded(const char *text, int width)
{
    int size = (int)strlen(text);

    guest_control_print(text);
    printf("%*s ", size < width ? width - size : 0, "");
}

/* A function whose calls pass the library by, and were never counted, has no numbers. */
static void print_line(const struct line *line)
{
    uint64_t calls = line->counts.calls;

    print_padded(line->table, 12);
    print_padded(line->name, 28);
    printf("%-8s", line->mode);
    if (calls == 0 && line->is_direct) {
        printf(" %10s %8s %10s %10s %14s %14s %8s %8s\n", "-", "-", "-", "-", "-", "-", "-", "-");
        return;
    }
    printf(" %10llu %8llu", (unsigned long long)calls, (unsigned long long)line->counts.errors);
    print_duration(call_counts_percentile(&line->counts, PERCENT_MIDDLE));
    print_duration(call_counts_percentile(&line->counts, PERCENT_SLOW));
    printf(" %14llu %14llu %8llu %8llu\n", (unsigned long long)line->counts.sent,
           (unsigned long long)line->counts.received, (unsigned long long)line->counts.sleeps,
           (unsigned long long)line->counts.wakes);
}

static void print_head(const struct guest_control *control, const char *program)
{
    const struct control_session *session = &control->view.header.session;

    guest_control_print(program ? program : "?");
    printf(", pid %ld; ", control->pid);
    if (session->is_connected) {
        printf("connected to ");
        guest_control_print(session->address);
        printf(" over %s, %u lanes\n\n", medium_name(session), session->lanes);
    } else if (*session->address) {
        printf("was connected to ");
        guest_control_print(session->address);
        printf("\n\n");
    } else {
        printf("not connected\n\n");
    }
    printf("%-12s %-28s %-8s %10s %8s %10s %10s %14s %14s %8s %8s\n", "table", "function", "mode", "calls", "errors",
           "p50", "p99", "bytes sent", "bytes received", "sleeps", "wake-ups");
}

static int print_text(const struct guest_control *control, const char *program)
{
    struct line line, sum = {.table = "", .name = "all", .mode = ""};
    size_t quiet = 0;
    int error = 0;

    print_head(control, program);
    for (size_t i = 0; !error && i < control->view.function_count; i++) {
        error = read_line(control, i, &line);
        call_counts_merge(&sum.counts, &line.counts);
        if (line.counts.calls || line.is_direct)
            print_line(&line);
        else
            quiet++;
    }
    print_line(&sum);
    printf(
        "\n%zu other functions have not been called.  Calls that go straight to the native function are not counted.\n",
        quiet);
    return error;
}

/* ---- JSON ---- */

static void add_counts(cJSON *object, const struct control_counts *counts)
{
    cJSON_AddNumberToObject(object, "calls", (double)counts->calls);
    cJSON_AddNumberToObject(object, "errors", (double)counts->errors);
    cJSON_AddNumberToObject(object, "p50_ns", (double)call_counts_percentile(counts, PERCENT_MIDDLE));
    cJSON_AddNumberToObject(object, "p99_ns", (double)call_counts_percentile(counts, PERCENT_SLOW));
    cJSON_AddNumberToObject(object, "bytes_sent", (double)counts->sent);
    cJSON_AddNumberToObject(object, "bytes_received", (double)counts->received);
    cJSON_AddNumberToObject(object, "sleeps", (double)counts->sleeps);
    cJSON_AddNumberToObject(object, "wakes", (double)counts->wakes);
}

static void add_head(cJSON *answer, const struct guest_control *control, const char *program)
{
    const struct control_session *session = &control->view.header.session;

    cJSON_AddNumberToObject(answer, "pid", (double)control->pid);
    cJSON_AddStringToObject(answer, "program", program ? program : "?");
    cJSON_AddBoolToObject(answer, "connected", session->is_connected != 0);
    cJSON_AddStringToObject(answer, "host", session->address);
    cJSON_AddStringToObject(answer, "medium", medium_name(session));
    cJSON_AddNumberToObject(answer, "lanes", session->lanes);
}

static void add_function(cJSON *functions, const struct guest_control *control, size_t function,
                         const struct line *line)
{
    uint32_t family = control->view.functions[function].family;
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "table", line->table);
    cJSON_AddStringToObject(object, "name", line->name);
    cJSON_AddStringToObject(object, "mode", line->mode);
    cJSON_AddBoolToObject(object, "direct", line->is_direct);
    if (family) {
        cJSON_AddNumberToObject(object, "family", family);
        cJSON_AddNumberToObject(object, "live_objects", control->view.families[family - 1].objects);
    }
    add_counts(object, &line->counts);
    cJSON_AddItemToArray(functions, object);
}

static int print_json(const struct guest_control *control, const char *program)
{
    cJSON *answer = cJSON_CreateObject();
    cJSON *functions;
    struct control_counts sum = {0};
    struct line line;
    char *text;
    int error = 0;

    add_head(answer, control, program);
    functions = cJSON_AddArrayToObject(answer, "functions");
    for (size_t i = 0; !error && i < control->view.function_count; i++) {
        error = read_line(control, i, &line);
        call_counts_merge(&sum, &line.counts);
        add_function(functions, control, i, &line);
    }
    add_counts(cJSON_AddObjectToObject(answer, "all"), &sum);
    text = cJSON_Print(answer);
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(answer);
    return error;
}

int stat_process(long pid, bool as_json)
{
    struct guest_control control;
    AUTO_FREE char *program = NULL;
    int error;

    if (guest_control_open(&control, pid))
        return complain(pid, control.why);
    program = program_name(pid);
    error = as_json ? print_json(&control, program) : print_text(&control, program);
    guest_control_close(&control);
    return error ? complain(pid, strerror(-error)) : 0;
}
