#include "preload/command/bench/bench_progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_WIDTH = 30, LINE_MOST = 200, WIDTH_DEFAULT = 80 };

static struct {
    size_t steps, done;
    bool is_shown, is_drawn;
} progress;

void progress_start(size_t steps)
{
    progress.steps = steps ? steps : 1;
    progress.done = 0;
    progress.is_shown = isatty(STDERR_FILENO);
}

/* Asked for each time, so a window that was made narrower gets shorter lines, and no signal has to tell. */
static size_t width(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : WIDTH_DEFAULT;
}

void progress_step(const char *what)
{
    char line[LINE_MOST], bar[BAR_WIDTH + 1];
    size_t filled, most = width();

    if (!progress.is_shown)
        return;
    filled = progress.done < progress.steps ? progress.done * BAR_WIDTH / progress.steps : BAR_WIDTH;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', filled);
    bar[BAR_WIDTH] = '\0';
    snprintf(line, sizeof(line), "[%s] %3zu%% %s", bar, progress.done * 100 / progress.steps, what);
    /* One column stays free: a full line would make some terminals begin the next one. */
    if (most > 0 && strlen(line) >= most)
        line[most - 1] = '\0';
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    progress.is_drawn = true;
    progress.done++;
}

void progress_clear(void)
{
    if (progress.is_drawn)
        fputs("\r\033[K", stderr);
    progress.is_drawn = false;
}
