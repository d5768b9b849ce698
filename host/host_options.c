/* Options are rows of a table; a wrong value is an error that names where it came from, never a default. */
#include "host/host_options.h"

#include "host/hello.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS_DEFAULT = 64, CLIENTS_MOST = 4096, EXIT_USAGE = 2, DESCRIPTOR_MOST = 1 << 20 };

#define MEMORY_DEFAULT ((uint64_t)1 << 30)
#define MEMORY_MOST    ((uint64_t)1 << 44)

static const char help[] =
    "usage: winapi-host [OPTION]...\n"
    "Calls C functions for programs that run under libwinapi_preload.so.\n"
    "\n"
    "  --listen unix:PATH   serve whoever connects there; without this and --stdio the user's own socket,\n"
    "                       $XDG_RUNTIME_DIR/winapi/host-PORT or /tmp/winapi-UID/host-PORT\n"
    "  --stdio              serve one client on standard input and output, then end\n"
    "  --spec FILE|NAME     serve the functions of this spec file too; may be given again; a name is that of a "
    "shipped\n"
    "                       file, such as zlib.  Without it WINAPI_SPEC, else ~/.config/winapi/spec.d/*.json.\n"
    "                       The winapi table is always served\n"
    "  --log-level LEVEL    none, error, warn (the default), info, debug or trace\n"
    "  --max-clients N      at the same time, 64 by default\n"
    "  --max-lanes N        of one client, 256 by default and at most\n"
    "  --max-memory SIZE    bytes of one buffer, and of the copies that one call makes; 1G by default.  A client's "
    "shared\n"
    "                       memory may have eight times as much\n"
    "  --stat-file FILE     write the final counts there, as JSON, when the host ends\n"
    "  --ready-fd N         write a line end to this descriptor once clients can connect, and close it\n"
    "  --help, --version\n"
    "\n"
    "Environment: WINAPI_SPEC, WINAPI_SOCKET_PORT (0x1234), WINAPI_LOG_LEVEL, WINAPI_LOG_FILE, WINAPI_DEBUG=1.\n";

/* What went wrong, in one line; false so that readers can return it. */
FORMAT_LIKE(1, 2) static bool refuse(const char *format, ...)
{
    va_list arguments;

    fputs("winapi-host: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

/* "64", "0x1234"; with `has_unit` also "512M". */
static bool parse_number(const char *text, bool has_unit, uint64_t *number)
{
    static const char units[] = "KMG";
    const char *unit;
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 0);
    if (!isdigit((unsigned char)*text) || errno)
        return false;
    unit = has_unit && *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (!unit)
        return *end == '\0';
    return end[1] == '\0' && !__builtin_mul_overflow(*number, (uint64_t)1 << (10 * (unit - units + 1)), number);
}

static bool read_number(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    if (parse_number(text, false, number) && *number >= least && *number <= most)
        return true;
    return refuse("%s: \"%s\" is not a number from %llu to %llu", name, text, (unsigned long long)least,
                  (unsigned long long)most);
}

/* ---- one function for each option ---- */

static bool set_listen(struct host_options *options, const char *name, const char *value)
{
    struct address address;
    const char *why;

    if (address_parse(&address, value, &why))
        return refuse("%s: \"%s\": %s", name, value, why);
    if (address.kind != ADDRESS_UNIX)
        return refuse("%s: \"%s\": a host listens on unix:PATH only", name, value);
    free(options->listen_path);
    options->listen_path = strdup(address.text);
    return options->listen_path || refuse("out of memory");
}

static bool set_stdio(struct host_options *options, const char *name, const char *value)
{
    (void)name;
    (void)value;
    options->is_stdio = true;
    return true;
}

static bool set_spec(struct host_options *options, const char *name, const char *value)
{
    if (options->spec_count == SPEC_OPTIONS_MOST)
        return refuse("%s: more than %d of them", name, SPEC_OPTIONS_MOST);
    options->specs[options->spec_count++] = value;
    return true;
}

static bool set_log_level(struct host_options *options, const char *name, const char *value)
{
    if (log_level_parse(value, &options->log_level) == 0)
        return true;
    return refuse("%s: \"%s\" is no level; there are none, error, warn, info, debug and trace", name, value);
}

static bool set_clients(struct host_options *options, const char *name, const char *value)
{
    uint64_t number;

    if (!read_number(name, value, 1, CLIENTS_MOST, &number))
        return false;
    options->clients = (size_t)number;
    return true;
}

static bool set_lanes(struct host_options *options, const char *name, const char *value)
{
    uint64_t number;

    if (!read_number(name, value, 1, LANES_MOST, &number))
        return false;
    options->limits.lanes = (size_t)number;
    return true;
}

static bool set_memory(struct host_options *options, const char *name, const char *value)
{
    if (parse_number(value, true, &options->limits.memory) && options->limits.memory >= MEMORY_PAGE &&
        options->limits.memory <= MEMORY_MOST)
        return true;
    return refuse("%s: \"%s\" is not a size from 4096 bytes to 16384G, as in 67108864 or 64M", name, value);
}

static bool set_stat_file(struct host_options *options, const char *name, const char *value)
{
    (void)name;
    options->stat_path = value;
    return true;
}

static bool set_ready_fd(struct host_options *options, const char *name, const char *value)
{
    uint64_t number;

    if (!read_number(name, value, 0, DESCRIPTOR_MOST, &number))
        return false;
    options->ready_fd = (int)number;
    return true;
}

static const struct host_option {
    const char *name; /* with its dashes, for messages */
    int has_value;
    bool (*set)(struct host_options *options, const char *name, const char *value);
} known_options[] = {
    {"--listen", required_argument, set_listen},
    {"--stdio", no_argument, set_stdio},
    {"--spec", required_argument, set_spec},
    {"--log-level", required_argument, set_log_level},
    {"--max-clients", required_argument, set_clients},
    {"--max-lanes", required_argument, set_lanes},
    {"--max-memory", required_argument, set_memory},
    {"--stat-file", required_argument, set_stat_file},
    {"--ready-fd", required_argument, set_ready_fd},
    {"--help", no_argument, NULL},
    {"--version", no_argument, NULL},
};

/* ---- the environment ---- */

/* What the command line does not say.  --log-level goes before WINAPI_LOG_LEVEL, that before WINAPI_DEBUG. */
static bool read_environment(struct host_options *options)
{
    const char *debug = getenv("WINAPI_DEBUG"), *level = getenv("WINAPI_LOG_LEVEL"), *path = getenv("WINAPI_LOG_FILE");

    if (debug && *debug && strcmp(debug, "0") != 0 && strcmp(debug, "1") != 0)
        return refuse("WINAPI_DEBUG: \"%s\" is neither 0 nor 1", debug);
    if (debug && strcmp(debug, "1") == 0)
        options->log_level = LOG_DEBUG;
    if (path && *path)
        options->log_path = path;
    return !level || !*level || set_log_level(options, "WINAPI_LOG_LEVEL", level);
}

static bool choose_default_path(struct host_options *options)
{
    const char *port = getenv("WINAPI_SOCKET_PORT");
    uint64_t number = SOCKET_PORT_DEFAULT;

    if (options->is_stdio && options->listen_path)
        return refuse("--stdio and --listen: give one of them");
    if (port && *port && !read_number("WINAPI_SOCKET_PORT", port, 1, UINT32_MAX, &number))
        return false;
    if (!options->is_stdio && !options->listen_path)
        options->listen_path = address_default_path(getenv("XDG_RUNTIME_DIR"), (unsigned)number);
    return options->is_stdio || options->listen_path || refuse("out of memory");
}

/* ---- the command line ---- */

static void list_options(struct option *list)
{
    for (size_t i = 0; i < COUNT_OF(known_options); i++)
        list[i] = (struct option){known_options[i].name + 2, known_options[i].has_value, NULL, (int)i + 1};
}

static bool set_option(struct host_options *options, const struct host_option *option, int *exit_status)
{
    if (option->set)
        return option->set(options, option->name, optarg);
    if (strcmp(option->name, "--help") == 0)
        fputs(help, stdout);
    else
        puts(hello_program);
    *exit_status = EXIT_SUCCESS;
    return false;
}

static bool read_command_line(struct host_options *options, int argc, char **argv, int *exit_status)
{
    struct option list[COUNT_OF(known_options) + 1] = {0};
    int found;

    list_options(list);
    while ((found = getopt_long(argc, argv, "", list, NULL)) > 0) {
        if (found == '?')
            return false;
        if (!set_option(options, &known_options[found - 1], exit_status))
            return false;
    }
    return optind == argc || refuse("\"%s\": there are options only; see --help", argv[optind]);
}

bool host_options_read(struct host_options *options, int argc, char **argv, int *exit_status)
{
    *options = (struct host_options){.log_level = LOG_WARN,
                                     .clients = CLIENTS_DEFAULT,
                                     .limits = {.lanes = LANES_MOST, .memory = MEMORY_DEFAULT},
                                     .ready_fd = -1};
    *exit_status = EXIT_USAGE;
    return read_environment(options) && read_command_line(options, argc, argv, exit_status) &&
           choose_default_path(options);
}

void host_options_finish(struct host_options *options)
{
    free(options->listen_path);
}
