/*
 * What stands in for libFuzzer in an ordinary build: runs a fuzz target once over each file of its corpus.
 *
 *     fuzz_NAME FILE-OR-DIRECTORY...
 */
#include "spec/base/file.h"
#include "spec/base/own.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { INPUT_MOST = 16 << 20 };

static int replay_file(const char *path)
{
    AUTO_FREE char *data = NULL;
    size_t size;
    int error = file_read(path, INPUT_MOST, &data, &size);

    if (error) {
        fprintf(stderr, "%s: %s\n", path, strerror(-error));
        return error;
    }

    /* A copy of exactly this size, so that a sanitizer sees a read beyond its end. */
    AUTO_FREE uint8_t *input = malloc(size ? size : 1);

    if (!input)
        return -ENOMEM;
    memcpy(input, data, size);
    printf("%s: %zu bytes\n", path, size);
    fflush(stdout);
    LLVMFuzzerTestOneInput(input, size);
    return 0;
}

static int replay_directory(DIR *directory, const char *path, int *count)
{
    char name[PATH_MAX];
    const struct dirent *entry;

    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >= (int)sizeof(name))
            return -ENAMETOOLONG;

        int error = replay_file(name);

        if (error)
            return error;
        (*count)++;
    }
    return 0;
}

static int replay(const char *path, int *count)
{
    DIR *directory = opendir(path);

    if (!directory) {
        (*count)++;
        return replay_file(path);
    }

    int error = replay_directory(directory, path, count);

    closedir(directory);
    return error;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++) {
        if (replay(argv[i], &count))
            return 1;
    }
    if (count == 0)
        fprintf(stderr, "%s: no inputs\n", argv[0]);
    return count == 0;
}
