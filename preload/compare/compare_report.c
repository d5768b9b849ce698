/*
 * The report, in text on stderr and as JSON in a file.
 *
 * Nothing here allocates: the watcher was cloned from a process with threads.  Text grows in a mapping made beforehand.
 */
#include "preload/compare/compare_report.h"

#include "preload/core.h"
#include "preload/lane/unseen.h"
#include "spec/base/log.h"
#include "spec/base/own.h"
#include "spec/base/quiet_write.h"
#include "spec/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    TEXT_PER_ENTRY = 4096,
    TEXT_MORE = 4096,
    REPORT_START_SIZE = 32,
    PROGRAMS_MOST = 100,
    LOCK_TRIES = 50,
    READER_MS = 1000
};

/* Shared with the watcher. */
struct area {
    pid_t pid;
    struct timespec began;
    _Atomic bool is_written;
    struct core *core;
    size_t count;
    char *text;
    size_t text_size;
    struct compare_entry entries[];
};

static _Atomic(struct area *) current;

/* A whole-file text in memory that is there already: it must not grow beyond. */
static struct text text_in(struct area *area)
{
    return (struct text){.data = area->text, .capacity = area->text_size};
}

static void add_json_string(struct text *json, const char *string)
{
    text_add(json, "\"");
    for (; *string; string++) {
        unsigned char c = (unsigned char)*string;

        if (c == '"' || c == '\\')
            text_format(json, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            text_format(json, "\\u%04x", c);
        else
            text_add_bytes(json, string, 1);
    }
    text_add(json, "\"");
}

static bool is_used(const struct compare_entry *entry)
{
    return entry->calls || entry->not_compared;
}

static void add_entry(struct text *json, const struct row *row, struct compare_entry *entry)
{
    text_format(json,
                "\n    {\"table\": \"%s\", \"function\": \"%s\", \"calls\": %llu, \"differences\": %llu, "
                "\"not_compared\": %llu, \"native_ns\": %llu, \"remote_ns\": %llu",
                row->table->name, row->name, (unsigned long long)entry->calls, (unsigned long long)entry->differences,
                (unsigned long long)entry->not_compared, (unsigned long long)entry->native_ns,
                (unsigned long long)entry->remote_ns);
    if (entry->has_first) {
        text_add(json, ", \"first\": {\"where\": ");
        add_json_string(json, entry->first.where);
        text_add(json, ", \"native\": ");
        add_json_string(json, entry->first.native);
        text_add(json, ", \"remote\": ");
        add_json_string(json, entry->first.remote);
        text_add(json, "}");
    }
    if (entry->has_reason) {
        text_add(json, ", \"reason\": ");
        add_json_string(json, entry->reason);
    }
    text_add(json, "}");
}

static int format_start(char start[REPORT_START_SIZE], pid_t pid)
{
    return snprintf(start, REPORT_START_SIZE, "{\n  \"pid\": %d,", (int)pid);
}

/* The report's path, %p replaced by the process. */
static void expand_path(char *path, size_t room, const char *pattern, pid_t pid)
{
    size_t used = 0;

    for (; *pattern && used + 16 < room; pattern++) {
        if (pattern[0] == '%' && pattern[1] == 'p') {
            used += (size_t)snprintf(path + used, room - used, "%d", (int)pid);
            pattern++;
        } else {
            path[used++] = *pattern;
        }
    }
    path[used] = '\0';
}

/* The lock is for two watchers that meet, one of each program that a process was.  Whoever else has it is not waited
 * for. */
static void lock_shortly(int fd)
{
    for (int tries = 0; tries < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK; tries++)
        poll(NULL, 0, 1);
}

/*
 * Whether the file holds what this very process has written since this report was begun: after an exec a process has
 * one report of each program it was, and the first may come last.
 */
static bool is_taken(const struct area *area, int fd)
{
    char start[REPORT_START_SIZE], expected[REPORT_START_SIZE];
    int size = format_start(expected, area->pid);
    struct stat status;

    lock_shortly(fd);
    if (fstat(fd, &status) < 0 || pread(fd, start, (size_t)size, 0) != size)
        return false;
    return memcmp(start, expected, (size_t)size) == 0 &&
           (status.st_mtim.tv_sec > area->began.tv_sec ||
            (status.st_mtim.tv_sec == area->began.tv_sec && status.st_mtim.tv_nsec >= area->began.tv_nsec));
}

/* Whoever reads a pipe at the other end has a moment for each part of it. */
static int write_all(int fd, const struct text *json)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};

    for (size_t done = 0; done < json->size;) {
        ssize_t written = quiet_write(fd, json->data + done, json->size - done);

        if (written >= 0)
            done += (size_t)written;
        else if (errno != EINTR && (errno != EAGAIN || poll(&room, 1, READER_MS) <= 0))
            return -errno;
    }
    return 0;
}

static int write_file(const struct area *area, const char *path, const struct text *json)
{
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);

    if (fd < 0)
        return -errno;
    if (is_taken(area, fd))
        return -EEXIST;
    if (ftruncate(fd, 0) < 0 && errno != EINVAL) /* EINVAL: a pipe, a terminal */
        return -errno;
    return write_all(fd, json);
}

/* In the file of that name; when a later program of this process has it already, in one with a number behind it. */
static void place_report(const struct area *area, char *path, size_t room, const struct text *json)
{
    size_t length = strlen(path);
    int error = write_file(area, path, json);

    for (int number = 1; error == -EEXIST && number < PROGRAMS_MOST; number++) {
        snprintf(path + length, room - length, ".%d", number);
        error = write_file(area, path, json);
    }
    if (error)
        log_error("WINAPI_COMPARE_REPORT=%s: %s", path, strerror(-error));
}

static void write_json(struct area *area)
{
    const struct settings *settings = &area->core->settings;
    struct text json = text_in(area);
    uint64_t differences = 0;
    const char *comma = "";
    char path[4096], start[REPORT_START_SIZE];

    if (!settings->compare_report)
        return;
    format_start(start, area->pid);
    text_format(&json, "%s\n  \"functions\": [", start);
    for (size_t i = 0; i < area->count; i++) {
        if (!is_used(&area->entries[i]))
            continue;
        text_add(&json, comma);
        add_entry(&json, area->core->bindings[i].row, &area->entries[i]);
        differences += area->entries[i].differences;
        comma = ",";
    }
    text_format(&json, "\n  ],\n  \"differences\": %llu\n}\n", (unsigned long long)differences);
    expand_path(path, sizeof(path), settings->compare_report, area->pid);
    place_report(area, path, sizeof(path), &json);
}

static void say_entry(const struct row *row, struct compare_entry *entry)
{
    char first[256] = "", reason[160] = "";

    if (entry->has_first)
        snprintf(first, sizeof(first), "; first: %s: native %s, remote %s", entry->first.where, entry->first.native,
                 entry->first.remote);
    if (entry->not_compared)
        snprintf(reason, sizeof(reason), "; %llu not compared: %s", (unsigned long long)entry->not_compared,
                 entry->reason);
    log_write(LOG_ERROR, "compare: %s: %llu calls, %llu differences, native %.3f ms, remote %.3f ms%s%s", row->name,
              (unsigned long long)entry->calls, (unsigned long long)entry->differences, (double)entry->native_ns / 1e6,
              (double)entry->remote_ns / 1e6, first, reason);
}

static void say(struct area *area)
{
    uint64_t calls = 0, differences = 0, not_compared = 0;

    for (size_t i = 0; i < area->count; i++) {
        calls += area->entries[i].calls;
        differences += area->entries[i].differences;
        not_compared += area->entries[i].not_compared;
        if (is_used(&area->entries[i]))
            say_entry(area->core->bindings[i].row, &area->entries[i]);
    }
    log_write(LOG_ERROR, "compare: process %d: %llu calls compared, %llu differences, %llu not compared",
              (int)area->pid, (unsigned long long)calls, (unsigned long long)differences,
              (unsigned long long)not_compared);
}

static void write_report(struct area *area)
{
    bool not_yet = false;

    if (!atomic_compare_exchange_strong(&area->is_written, &not_yet, true))
        return;
    say(area);
    write_json(area);
}

void compare_report_write(void)
{
    struct area *area = atomic_load(&current);

    if (area && area->pid == getpid())
        write_report(area);
}

/* In the watcher: waits for the program's end, holding nothing of it but stderr. */
static void watch(const void *context)
{
    struct area *area = (struct area *)(uintptr_t)context;
    struct pollfd end = {.events = POLLIN};

    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    syscall(SYS_close_range, 3u, ~0u, 0u);
    end.fd = (int)syscall(SYS_pidfd_open, area->pid, 0);
    if (end.fd < 0 && errno != ESRCH) /* ESRCH: it has ended already */
        return;
    while (end.fd >= 0 && poll(&end, 1, -1) < 0 && errno == EINTR)
        continue;
    write_report(area);
}

static struct area *make_area(struct core *core)
{
    size_t count = core->catalog.row_count;
    size_t size = sizeof(struct area) + count * sizeof(struct compare_entry);
    size_t text_size = count * TEXT_PER_ENTRY + TEXT_MORE;
    struct area *area =
        mmap(NULL, size + text_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (area == MAP_FAILED)
        return NULL;
    area->pid = getpid();
    clock_gettime(CLOCK_REALTIME_COARSE, &area->began);
    area->core = core;
    area->count = count;
    area->text = (char *)area + size;
    area->text_size = text_size;
    return area;
}

static struct compare_entry *begin_report(struct core *core, struct area *earlier)
{
    struct area *made = make_area(core);

    if (!made)
        return NULL;
    if (!atomic_compare_exchange_strong(&current, &earlier, made)) {
        munmap(made, (size_t)(made->text - (char *)made) + made->text_size);
        return earlier->entries; /* another thread was faster */
    }
    if (unseen_start(watch, made))
        log_debug("no watcher: a report is written only when the process exits by itself");
    return made->entries;
}

struct compare_entry *compare_report_entries(struct core *core)
{
    struct area *area = atomic_load(&current);
    struct compare_entry *entries;

    if (area && area->pid == getpid())
        return area->entries;
    core_enter();
    entries = begin_report(core, area);
    core_leave();
    return entries;
}
