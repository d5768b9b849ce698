/*
 * One line at a time to stderr or to a file.
 *
 * Both ends use it.  Nothing is printed while all is well at the default level (warn).  A line is one write(2), so
 * lines of several processes do not mix.  No function here changes errno, allocates, or keeps a descriptor open:
 * the file is opened for each line, because the program we live in may close every descriptor it sees.
 */
#ifndef WINAPI_SPEC_BASE_LOG_H
#define WINAPI_SPEC_BASE_LOG_H

#include "spec/base/error.h"

#include <stdbool.h>

enum log_level { LOG_NONE, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/*
 * `program` stands at the start of each line and `path` names the file, NULL for stderr; both strings must outlive
 * the log.  Not for use while other threads log.
 */
void log_start(const char *program, enum log_level level, const char *path);

/* Nothing is said until it is called again: for what is done a second time.  Not while other threads log. */
void log_hush(bool is_hushed);

/*
 * Errors and warnings are handed to `take`, without program and process id, instead of being written, whatever the
 * level is; NULL: as usual.  Not while other threads log.
 */
void log_divert(void (*take)(const char *text, void *context), void *context);

bool log_enabled(enum log_level level);

/* The level of a name in any case: none, error, warn, info, debug, trace.  -EINVAL: no such name. */
MUST_CHECK int log_level_parse(const char *name, enum log_level *level);

/* What log_start() has set; the file is NULL for stderr. */
const char *log_level_name(void);
const char *log_file(void);

void log_write(enum log_level level, const char *format, ...) FORMAT_LIKE(2, 3);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) (log_enabled(LOG_DEBUG) ? log_write(LOG_DEBUG, __VA_ARGS__) : (void)0)
#define log_trace(...) (log_enabled(LOG_TRACE) ? log_write(LOG_TRACE, __VA_ARGS__) : (void)0)

#endif
