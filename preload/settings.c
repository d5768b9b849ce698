/* Variables into settings; every one is parsed here and nowhere else. */
#include "preload/settings.h"

#include "spec/base/file.h"
#include "spec/base/own.h"
#include "spec/wire/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;

enum { CONNECT_TIMEOUT_DEFAULT_MS = 5000, ENVIRONMENT_MOST = 16 << 20 };

/* The kernel's copy, for calls that come before libc has set up environ. */
static char *early_environment;
static size_t early_size;

static const char *early_variable(const char *name)
{
    size_t length = strlen(name);

    if (!early_environment && file_read("/proc/self/environ", ENVIRONMENT_MOST, &early_environment, &early_size))
        return NULL;
    for (size_t at = 0; at < early_size; at += strlen(early_environment + at) + 1)
        if (strncmp(early_environment + at, name, length) == 0 && early_environment[at + length] == '=')
            return early_environment + at + length + 1;
    return NULL;
}

/* A setuid program is not told by whoever starts it which command to run, and which files to write to. */
const char *settings_variable(const char *name)
{
    if (getauxval(AT_SECURE))
        return NULL;
    return environ ? getenv(name) : early_variable(name);
}

/* A copy that is never freed; an empty value counts as unset. */
static const char *text_variable(const char *name)
{
    const char *value = settings_variable(name);

    return value && *value ? strdup(value) : NULL;
}

/* The same for a path, from the root: the program may change its directory, and the host has another one. */
static const char *path_variable(const char *name)
{
    const char *value = settings_variable(name);
    AUTO_FREE char *directory = value && *value && *value != '/' ? malloc(PATH_MAX) : NULL;
    char *path;

    if (!directory || !getcwd(directory, PATH_MAX) || asprintf(&path, "%s/%s", directory, value) < 0)
        return text_variable(name);
    return path;
}

int mode_parse(const char *text, size_t size, enum mode *mode)
{
    for (int i = MODE_REMOTE; i <= MODE_COMPARE; i++) {
        const char *name = mode_name((enum mode)i);

        if (strlen(name) == size && memcmp(name, text, size) == 0) {
            *mode = (enum mode)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *mode_name(enum mode mode)
{
    static const char *const names[] = {[MODE_REMOTE] = "remote", [MODE_NATIVE] = "native", [MODE_COMPARE] = "compare"};

    return names[mode];
}

static void read_mode(struct settings *settings)
{
    const char *value = settings_variable("WINAPI_MODE");

    settings->mode = MODE_REMOTE;
    if (value && *value && mode_parse(value, strlen(value), &settings->mode))
        log_error("WINAPI_MODE=%s: write remote, native or compare; taking remote", value);
}

static void read_medium(struct settings *settings)
{
    const char *value = settings_variable("WINAPI_TRANSPORT");

    settings->medium = MEDIUM_MEMORY;
    if (!value || !*value || strcmp(value, "memory") == 0)
        return;
    if (strcmp(value, "socket") == 0)
        settings->medium = MEDIUM_SOCKET;
    else
        log_error("WINAPI_TRANSPORT=%s: write memory or socket; taking memory", value);
}

/* "30", "30s", "250ms" into milliseconds. */
static int parse_duration(const char *text, uint64_t *ms)
{
    char *end;
    unsigned long long number;

    if (*text < '0' || *text > '9')
        return -EINVAL;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno || number > UINT32_MAX)
        return -ERANGE;
    if (strcmp(end, "ms") == 0)
        *ms = number;
    else if (*end == '\0' || strcmp(end, "s") == 0)
        *ms = number * 1000;
    else
        return -EINVAL;
    return 0;
}

static uint64_t duration_variable(const char *name, uint64_t usual)
{
    const char *value = settings_variable(name);
    uint64_t ms;

    if (!value || !*value)
        return usual;
    if (parse_duration(value, &ms) == 0)
        return ms;
    log_error("%s=%s: write seconds, or a number with s or ms such as 30, 30s, 250ms; taking %llums", name, value,
              (unsigned long long)usual);
    return usual;
}

int port_parse(const char *text, unsigned *port)
{
    unsigned long number;
    char *end;

    if (*text < '0' || *text > '9')
        return -EINVAL;
    errno = 0;
    number = strtoul(text, &end, 0);
    if (errno || *end || number == 0 || number > UINT32_MAX)
        return -ERANGE;
    *port = (unsigned)number;
    return 0;
}

static void read_port(struct settings *settings)
{
    const char *value = settings_variable("WINAPI_SOCKET_PORT");

    settings->port = SOCKET_PORT_DEFAULT;
    if (value && *value && port_parse(value, &settings->port))
        log_error("WINAPI_SOCKET_PORT=%s: write a number from 1 to 0xffffffff; taking 0x%x", value, settings->port);
}

static void read_trace(struct settings *settings)
{
    const char *value = settings_variable("WINAPI_TRACE");

    if (value && strcmp(value, "0") != 0)
        settings->trace = strcmp(value, "1") == 0 ? "" : path_variable("WINAPI_TRACE");
}

static int try_log_file(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

    return fd < 0 ? -errno : 0;
}

static void start_log(void)
{
    const char *debug = settings_variable("WINAPI_DEBUG");
    const char *name = settings_variable("WINAPI_LOG_LEVEL");
    const char *path = path_variable("WINAPI_LOG_FILE");
    int path_error = path ? try_log_file(path) : 0;
    enum log_level level = LOG_WARN;
    bool is_bad_name = name && *name && log_level_parse(name, &level);

    if (debug && strcmp(debug, "1") == 0 && level < LOG_DEBUG)
        level = LOG_DEBUG;
    log_start("winapi", level, path_error ? NULL : path);
    if (path_error)
        log_error("WINAPI_LOG_FILE=%s: %s; taking stderr", path, strerror(-path_error));
    if (is_bad_name)
        log_error("WINAPI_LOG_LEVEL=%s: write none, error, warn, info, debug or trace; taking warn", name);
    if (debug && *debug && strcmp(debug, "0") != 0 && strcmp(debug, "1") != 0)
        log_error("WINAPI_DEBUG=%s: write 0 or 1; taking 0", debug);
}

void settings_read(struct settings *settings)
{
    memset(settings, 0, sizeof(*settings));
    start_log();
    read_mode(settings);
    read_medium(settings);
    read_port(settings);
    read_trace(settings);
    settings->connect_timeout_ms = duration_variable("WINAPI_CONNECT_TIMEOUT", CONNECT_TIMEOUT_DEFAULT_MS);
    settings->call_timeout_ms = duration_variable("WINAPI_CALL_TIMEOUT", 0);
    settings->route = text_variable("WINAPI_ROUTE");
    settings->host = text_variable("WINAPI_HOST");
    settings->spec = text_variable("WINAPI_SPEC");
    settings->shared_memory = path_variable("WINAPI_SHARED_MEM");
    settings->compare_report = path_variable("WINAPI_COMPARE_REPORT");
}
