/* From what a user writes ("zlib", "./my.json") to the files that are read. */
#include "spec/table/spec_path.h"

#include "spec/base/file.h"
#include "spec/base/hash.h"
#include "spec/base/libc.h"
#include "spec/base/own.h"
#include "spec/base/text.h"
#include "spec/table/table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

void spec_paths_finish(struct spec_paths *paths)
{
    spec_paths_forget_texts(paths);
    for (size_t i = 0; i < paths->count; i++)
        free(paths->paths[i]);
    free(paths->paths);
    *paths = (struct spec_paths){0};
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t size = strlen(text), suffix_size = strlen(suffix);

    return size > suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

static bool contains(const struct spec_paths *paths, const char *path)
{
    for (size_t i = 0; i < paths->count; i++) {
        if (strcmp(paths->paths[i], path) == 0)
            return true;
    }
    return false;
}

/* Takes over a malloc'ed path. */
static int append(struct spec_paths *paths, char *path)
{
    char **larger = reallocarray(paths->paths, paths->count + 1, sizeof(*larger));

    if (!larger) {
        free(path);
        return -ENOMEM;
    }
    paths->paths = larger;
    larger[paths->count++] = path;
    return 0;
}

/* Links are followed, so that one file under two names is read once. */
static int add_file(struct spec_paths *paths, const char *path)
{
    AUTO_FREE char *absolute = libc_real_path(path);
    struct stat status;

    if (!absolute || stat(absolute, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (contains(paths, absolute))
        return 0;
    return append(paths, take_pointer(&absolute));
}

int spec_paths_add(struct spec_paths *paths, const char *entry, const char *shipped)
{
    AUTO_TEXT struct text path = {0};

    if (strchr(entry, '/') || has_suffix(entry, ".json"))
        return add_file(paths, entry);
    if (!shipped || !*entry)
        return -ENOENT;
    text_format(&path, "%s/%s.json", shipped, entry);
    return path.failed ? -ENOMEM : add_file(paths, path.data);
}

int spec_paths_add_list(struct spec_paths *paths, const char *list, const char *shipped, char **bad)
{
    *bad = NULL;
    while (*list) {
        size_t size = strcspn(list, ":");
        AUTO_FREE char *entry = strndup(list, size);
        int status = 0;

        if (!entry)
            return -ENOMEM;
        if (size && strcmp(entry, "winapi") != 0) /* built in: always active */
            status = spec_paths_add(paths, entry, shipped);
        if (status < 0) {
            *bad = take_pointer(&entry);
            return status;
        }
        list += size + (list[size] == ':');
    }
    return 0;
}

/* ---- a directory's spec files: by system calls, because opendir allocates from whom we must not ask ---- */

struct directory_entry { /* the kernel's struct linux_dirent64 */
    uint64_t inode, offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

enum { LISTING_SIZE = 4096 };

static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int note_entry(struct spec_paths *names, const char *name)
{
    char *copy;

    if (name[0] == '.' || !has_suffix(name, ".json"))
        return 0;
    copy = strdup(name);
    return copy ? append(names, copy) : -ENOMEM;
}

/* The names in the order of their bytes. */
static int list_directory(struct spec_paths *names, const char *directory)
{
    AUTO_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _Alignas(struct directory_entry) char listing[LISTING_SIZE];
    long size;
    int status = 0;

    if (fd < 0)
        return -errno;
    while (status == 0 && (size = syscall(SYS_getdents64, fd, listing, sizeof(listing))) > 0)
        for (long at = 0; status == 0 && at < size;) {
            const struct directory_entry *entry = (const void *)(listing + at);

            status = note_entry(names, entry->name);
            at += entry->size;
        }
    if (names->count)
        qsort(names->paths, names->count, sizeof(*names->paths), by_bytes);
    return status;
}

/* A file that went away between the listing and now, or a link to nothing, is passed over. */
static int add_listed(struct spec_paths *paths, const char *directory, const char *name)
{
    AUTO_TEXT struct text path = {0};
    int status;

    text_format(&path, "%s/%s", directory, name);
    status = path.failed ? -ENOMEM : add_file(paths, path.data);
    return status == -ENOMEM ? status : 0;
}

static int add_directory(struct spec_paths *paths, const char *directory)
{
    struct spec_paths names = {0};
    int status = list_directory(&names, directory);

    if (status == -ENOENT || status == -ENOTDIR)
        status = 0;
    for (size_t i = 0; status == 0 && i < names.count; i++)
        status = add_listed(paths, directory, names.paths[i]);
    spec_paths_finish(&names);
    return status;
}

int spec_paths_add_user(struct spec_paths *paths, const char *config_home, const char *home)
{
    AUTO_TEXT struct text directory = {0};

    /* The XDG base directory specification has a relative XDG_CONFIG_HOME ignored. */
    if (config_home && config_home[0] == '/')
        text_format(&directory, "%s/winapi/spec.d", config_home);
    else if (home && *home)
        text_format(&directory, "%s/.config/winapi/spec.d", home);
    else
        return 0;
    return directory.failed ? -ENOMEM : add_directory(paths, directory.data);
}

int spec_paths_read(struct spec_paths *paths, const char **bad)
{
    int error = 0;

    spec_paths_forget_texts(paths);
    if (paths->count == 0)
        return 0;
    paths->texts = calloc(paths->count, sizeof(*paths->texts));
    if (!paths->texts)
        return -ENOMEM;
    for (size_t i = 0; !error && i < paths->count; i++) {
        *bad = paths->paths[i];
        error = file_read(paths->paths[i], TABLE_FILE_MOST, &paths->texts[i].data, &paths->texts[i].size);
    }
    if (error)
        spec_paths_forget_texts(paths);
    return error;
}

int spec_paths_hash(const struct spec_paths *paths, uint64_t *hash, const char **bad)
{
    uint64_t sum = *hash;
    int error = 0;

    for (size_t i = 0; !error && i < paths->count; i++) {
        *bad = paths->paths[i];
        if (paths->texts)
            sum = hash_bytes(paths->texts[i].data, paths->texts[i].size, sum);
        else
            error = hash_file(paths->paths[i], TABLE_FILE_MOST, &sum);
    }
    if (!error)
        *hash = sum;
    return error;
}

void spec_paths_drop(struct spec_paths *paths, size_t index)
{
    size_t behind = --paths->count - index;

    free(paths->paths[index]);
    memmove(&paths->paths[index], &paths->paths[index + 1], behind * sizeof(*paths->paths));
    if (!paths->texts)
        return;
    free(paths->texts[index].data);
    memmove(&paths->texts[index], &paths->texts[index + 1], behind * sizeof(*paths->texts));
}

void spec_paths_forget_texts(struct spec_paths *paths)
{
    for (size_t i = 0; paths->texts && i < paths->count; i++)
        free(paths->texts[i].data);
    free(paths->texts);
    paths->texts = NULL;
}
