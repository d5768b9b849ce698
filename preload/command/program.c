/*
 * The loader ignores LD_PRELOAD in silence where it must not or cannot honour it; whoever starts a program with it
 * wants to know before.  What decides is in the file: its mode, its capabilities, its ELF headers, a script's first
 * line.
 */
#include "preload/command/program.h"

#include "spec/base/own.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#endif

enum { SCRIPTS_MOST = 5, SEGMENTS_MOST = 128 };

/* 0, or why this file is not one to execute. */
static int try_file(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return -errno;
    return S_ISREG(status.st_mode) && access(path, X_OK) == 0 ? 0 : -EACCES;
}

static int find_in(const char *directories, const char *name, char **path)
{
    int worst = -ENOENT;

    for (const char *at = directories;; at++) {
        AUTO_FREE char *candidate = NULL;
        size_t size = strcspn(at, ":");
        int error;

        if (asprintf(&candidate, "%.*s%s%s", (int)size, at, size ? "/" : "./", name) < 0) {
            candidate = NULL;
            return -ENOMEM;
        }
        error = try_file(candidate);
        if (!error) {
            *path = take_pointer(&candidate);
            return 0;
        }
        if (error == -EACCES)
            worst = error;
        at += size;
        if (!*at)
            return worst;
    }
}

int program_find(const char *name, char **path)
{
    const char *directories = getenv("PATH");
    int error;

    if (!*name)
        return -ENOENT;
    if (!strchr(name, '/'))
        return find_in(directories ? directories : "/bin:/usr/bin", name, path);
    error = try_file(name);
    if (error)
        return error;
    *path = strdup(name);
    return *path ? 0 : -ENOMEM;
}

static FORMAT_LIKE(1, 2) char *say(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vasprintf(&text, format, arguments);
    va_end(arguments);
    return size < 0 ? NULL : text;
}

static char *judge_privileges(int fd, const char *path)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return NULL;
    if (status.st_mode & S_ISUID)
        return say("%s is setuid: the loader ignores LD_PRELOAD in it", path);
    if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        return say("%s is setgid: the loader ignores LD_PRELOAD in it", path);
    if (fgetxattr(fd, "security.capability", NULL, 0) > 0)
        return say("%s has file capabilities: the loader ignores LD_PRELOAD in it", path);
    return NULL;
}

/* What PT_INTERP names, malloc'ed; NULL: there is none. */
static char *read_interpreter(int fd, const Elf64_Ehdr *header)
{
    Elf64_Phdr segments[SEGMENTS_MOST];
    size_t count = header->e_phnum < SEGMENTS_MOST ? header->e_phnum : SEGMENTS_MOST;
    ssize_t size = pread(fd, segments, count * sizeof(*segments), (off_t)header->e_phoff);

    for (size_t i = 0; size > 0 && i < (size_t)size / sizeof(*segments); i++) {
        char name[PATH_MAX] = "";
        size_t length = segments[i].p_filesz < sizeof(name) ? segments[i].p_filesz : sizeof(name) - 1;

        if (segments[i].p_type != PT_INTERP)
            continue;
        if (pread(fd, name, length, (off_t)segments[i].p_offset) < 0)
            return NULL;
        return strdup(name);
    }
    return NULL;
}

static char *judge_elf(int fd, const char *path, const Elf64_Ehdr *header)
{
    AUTO_FREE char *interpreter = NULL;
    char *refusal = judge_privileges(fd, path);

    if (refusal)
        return refusal;
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != OWN_MACHINE)
        return say("%s is built for another kind of machine than this winapi: libwinapi_preload.so does not fit it",
                   path);
    interpreter = read_interpreter(fd, header);
    if (!interpreter)
        return say("%s is statically linked: it has no dynamic loader that would honour LD_PRELOAD", path);
    return NULL;
}

/* The command in what follows `env` on a script's first line: behind options and assignments.  Cuts the line. */
static char *command_of_env(char *arguments)
{
    char *word, *rest = arguments;

    while ((word = strsep(&rest, " \t"))) {
        if (*word && *word != '-' && !strchr(word, '='))
            return word;
    }
    return NULL;
}

/* The program that runs this script, malloc'ed, or NULL.  `line` is what follows "#!", and is cut. */
static char *script_interpreter(char *line)
{
    char *name, *slash, *rest;
    char *path = NULL;

    line[strcspn(line, "\n")] = '\0';
    line += strspn(line, " \t");
    rest = line + strcspn(line, " \t");
    if (*rest)
        *rest++ = '\0';
    slash = strrchr(line, '/');
    name = slash ? slash + 1 : line;
    if (strcmp(name, "env") != 0)
        return strdup(line);

    name = command_of_env(rest);
    if (!name || program_find(name, &path) != 0)
        return NULL;
    return path;
}

static char *judge(const char *path, int scripts_left)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    union {
        char bytes[PATH_MAX];
        Elf64_Ehdr elf;
    } start = {{0}};

    if (fd < 0 || pread(fd, start.bytes, sizeof(start.bytes) - 1, 0) < (ssize_t)sizeof(start.elf.e_ident))
        return NULL;
    if (memcmp(start.bytes, ELFMAG, SELFMAG) == 0)
        return judge_elf(fd, path, &start.elf);
    if (memcmp(start.bytes, "#!", 2) == 0 && scripts_left > 0) {
        AUTO_FREE char *interpreter = script_interpreter(start.bytes + 2);

        return interpreter ? judge(interpreter, scripts_left - 1) : NULL;
    }
    return NULL;
}

char *program_refusal(const char *path)
{
    return judge(path, SCRIPTS_MOST);
}
