/*
 * The log: a line is made in a buffer on the stack and leaves with one write.
 *
 * The program we live in must not notice: errno is kept, nothing is allocated, and a stderr whose reader has gone
 * away, or a file that may not grow, does not kill it.
 */
#include "spec/base/log.h"

#include "spec/base/own.h"
#include "spec/base/quiet_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

static const char *const level_names[] = {
    [LOG_NONE] = "none", [LOG_ERROR] = "error", [LOG_WARN] = "warn",
    [LOG_INFO] = "info", [LOG_DEBUG] = "debug", [LOG_TRACE] = "trace",
};

static const char *log_program = "winapi";
static enum log_level log_level = LOG_WARN;
static const char *log_path;
static bool log_is_hushed;
static void (*log_taker)(const char *text, void *context);
static void *log_taker_context;

void log_start(const char *program, enum log_level level, const char *path)
{
    log_program = program;
    log_level = level;
    log_path = path;
}

void log_hush(bool is_hushed)
{
    log_is_hushed = is_hushed;
}

void log_divert(void (*take)(const char *text, void *context), void *context)
{
    log_taker = take;
    log_taker_context = context;
}

bool log_enabled(enum log_level level)
{
    return level != LOG_NONE && level <= log_level && !log_is_hushed;
}

int log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (strcasecmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *log_level_name(void)
{
    return level_names[log_level];
}

const char *log_file(void)
{
    return log_path;
}

/* Text from elsewhere cannot start a line of its own or talk to the terminal. */
static void keep_one_line(char *line, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)line[i];

        if (byte < 0x20 || byte == 0x7f)
            line[i] = ' ';
    }
}

/* What snprintf returned, or would have: no more than fits before the newline. */
static size_t fitting(int length, size_t room)
{
    if (length < 0)
        return 0;
    return (size_t)length < room ? (size_t)length : room;
}

/* Ends the line with a newline, and with "..." when it had to be cut. */
static size_t end_line(char *line, size_t size, bool is_cut)
{
    keep_one_line(line, size);
    if (is_cut)
        memset(line + size - 3, '.', 3);
    line[size] = '\n';
    return size + 1;
}

static void send_line(const char *line, size_t size)
{
    AUTO_CLOSE int file = -1;

    if (log_path) /* a pipe that nobody reads, or not fast enough, is not waited for */
        file = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    /* What cannot be written has nowhere else to be told. */
    (void)!quiet_write(file >= 0 ? file : STDERR_FILENO, line, size);
}

static void hand_over(const char *format, va_list arguments)
{
    char line[LINE_SIZE];

    vsnprintf(line, sizeof(line), format, arguments);
    keep_one_line(line, strlen(line));
    log_taker(line, log_taker_context);
}

void log_write(enum log_level level, const char *format, ...)
{
    char line[LINE_SIZE];
    const size_t most = sizeof(line) - 1; /* the newline */
    int error = errno;
    va_list arguments;

    if (log_taker && level <= LOG_WARN) {
        va_start(arguments, format);
        hand_over(format, arguments);
        va_end(arguments);
        errno = error;
        return;
    }
    if (!log_enabled(level))
        return;

    bool is_plain = level <= LOG_WARN;
    int length = snprintf(line, sizeof(line), "%s[%d]: %s%s", log_program, (int)getpid(),
                          is_plain ? "" : level_names[level], is_plain ? "" : ": ");
    size_t prefix = fitting(length, most);

    errno = error; /* for %m */
    va_start(arguments, format);
    length = vsnprintf(line + prefix, sizeof(line) - prefix, format, arguments);
    va_end(arguments);

    size_t size = prefix + fitting(length, most - prefix);

    send_line(line, end_line(line, size, length > 0 && (size_t)length > most - prefix));
    errno = error;
}
