/*
 * The loader ignores LD_PRELOAD in silence where it must not or cannot honour it; whoever starts a program with it
 * wants to know before.  What decides is in the file: its mode, its capabilities, its ELF headers, a script's first
 * line.
 */
#include "preload/command/program.h"

#include "preload/command/elf_file.h"
#include "preload/command/library_search.h"
#include "spec/base/own.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

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

/* The kernel gives no privileges where it is told not to, and the loader then has no reason for caution. */
static bool ignores_set_id(int fd)
{
    struct statvfs file_system;

    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
           (fstatvfs(fd, &file_system) == 0 && file_system.f_flag & ST_NOSUID);
}

static char *judge_privileges(int fd, const char *path)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return NULL;
    if (status.st_mode & S_ISUID && !ignores_set_id(fd))
        return say("%s is setuid: the loader ignores LD_PRELOAD in it", path);
    if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !ignores_set_id(fd))
        return say("%s is setgid: the loader ignores LD_PRELOAD in it", path);
    if (fgetxattr(fd, "security.capability", NULL, 0) > 0)
        return say("%s has file capabilities: the loader ignores LD_PRELOAD in it", path);
    return NULL;
}

/* glibc's and musl's by the name that PT_INTERP gives them; musl's is its libc, too. */
static bool is_loader(const struct elf_file *file, const char *path)
{
    enum libc by_name = libc_of(file->soname), by_path = libc_of(path);

    if (file->interpreter || !file->has_dynamic)
        return false;
    return by_name == LIBC_GLIBC || by_path == LIBC_GLIBC || by_path == LIBC_MUSL ||
           (file->soname && strcmp(file->soname, "libc.so") == 0);
}

static enum program_kind kind_of(const struct elf_file *file)
{
    if (!elf_file_fits_us(file))
        return PROGRAM_FOREIGN;
    if (file->interpreter)
        return PROGRAM_DYNAMIC;
    if (file->type == ET_DYN && !file->is_pie)
        return PROGRAM_LIBRARY;
    return file->type == ET_DYN ? PROGRAM_STATIC_PIE : PROGRAM_STATIC;
}

static char *judge_elf(const struct program *program, const struct elf_file *file, const char *path)
{
    switch (program->kind) {
    case PROGRAM_FOREIGN:
        return say("%s is built for another kind of machine than this winapi: libwinapi_preload.so does not fit it",
                   path);
    case PROGRAM_STATIC:
    case PROGRAM_STATIC_PIE:
        return say("%s is %sstatically linked: it has no dynamic loader that would honour LD_PRELOAD", path,
                   program->is_go ? "a Go program, " : "");
    case PROGRAM_LIBRARY:
        return say("%s is a shared library: it has no interpreter, and is no program", path);
    default:
        break;
    }
    (void)file;
    return NULL;
}

/* The program among the loader's own arguments, or NULL. */
static const char *behind_options(char *const *arguments)
{
    static const char *const with_value[] = {"--library-path",     "--inhibit-rpath", "--audit",
                                             "--preload",          "--argv0",         "--glibc-hwcaps-prepend",
                                             "--glibc-hwcaps-mask"};

    for (; *arguments && strncmp(*arguments, "--", 2) == 0; arguments++) {
        if (strcmp(*arguments, "--") == 0)
            return arguments[1];
        for (size_t i = 0; i < COUNT_OF(with_value) && *arguments; i++)
            if (strcmp(*arguments, with_value[i]) == 0) {
                if (!*++arguments)
                    return NULL;
                break;
            }
    }
    return *arguments;
}

/* ---- scripts ---- */

/* What `env` does with the environment, and the command behind its options and assignments.  Cuts the line. */
static char *command_of_env(char *arguments, bool *drops)
{
    char *word, *rest = arguments;

    while ((word = strsep(&rest, " \t"))) {
        if (strncmp(word, "-S", 2) == 0 || strncmp(word, "-vS", 3) == 0)
            word += word[1] == 'v' ? 3 : 2;
        else if (strncmp(word, "--split-string", 14) == 0)
            word += word[14] == '=' ? 15 : 14;
        if (strcmp(word, "-u") == 0 || strcmp(word, "-C") == 0) {
            char *value = strsep(&rest, " \t");

            *drops |= word[1] == 'u' && value && strcmp(value, "LD_PRELOAD") == 0;
            continue;
        }
        *drops |= strcmp(word, "-") == 0 || strcmp(word, "--ignore-environment") == 0 ||
                  strcmp(word, "--unset=LD_PRELOAD") == 0 || strcmp(word, "-uLD_PRELOAD") == 0 ||
                  (word[0] == '-' && word[1] != '-' && strchr(word, 'i') && !strchr(word, 'u'));
        if (*word && *word != '-' && !strchr(word, '='))
            return word;
    }
    return NULL;
}

/* The program that runs this script, malloc'ed, or NULL.  `line` is what follows "#!", and is cut. */
static char *script_interpreter(char *line, bool *drops)
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

    name = command_of_env(rest, drops);
    if (!name || program_find(name, &path) != 0)
        return NULL;
    return path;
}

/* What runs this script; NULL: it is none, or there is no such program.  A text without a first line is the shell's. */
static char *next_of_script(struct program *program, const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char start[PATH_MAX] = "";
    bool drops = false;
    char *next;

    if (fd < 0 || pread(fd, start, sizeof(start) - 1, 0) <= 0)
        return NULL;
    if (memcmp(start, "#!", 2) != 0)
        return strdup("/bin/sh");
    next = script_interpreter(start + 2, &drops);
    if (drops && !program->refusal)
        program->refusal = say("%s is started by an env that drops LD_PRELOAD from the environment", path);
    return next;
}

/* ---- the chain ---- */

static void examine_elf(struct program *program, const struct elf_file *file, const char *path, bool is_behind_loader)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    program->kind = kind_of(file);
    program->is_go = file->is_go;
    if (!program->refusal && fd >= 0 && !is_behind_loader)
        program->refusal = judge_privileges(fd, path);
    if (!program->refusal)
        program->refusal = judge_elf(program, file, path);
}

/* Looks at the last of the chain, and gives what it leads to, malloc'ed; NULL: it is the program itself. */
static char *examine_last(struct program *program, char *const *arguments)
{
    const char *path = program_path(program), *next;
    bool is_behind_loader = program->has_loader;
    struct elf_file file;
    int error = elf_file_open(&file, path);

    if (error == -ENOEXEC) {
        program->is_script |= program->chain_count == 1;
        return next_of_script(program, path);
    }
    if (error)
        return NULL;
    next = is_loader(&file, path) && !is_behind_loader && program->chain_count == 1 ? behind_options(arguments) : NULL;
    if (next)
        program->has_loader = true;
    else
        examine_elf(program, &file, path, is_behind_loader);
    elf_file_close(&file);
    return next ? strdup(next) : NULL;
}

void program_examine(struct program *program, const char *path, char *const *arguments)
{
    char *next = strdup(path);

    *program = (struct program){0};
    while (next) {
        if (program->chain_count == PROGRAM_CHAIN_MOST) {
            free(next);
            return;
        }
        program->chain[program->chain_count++] = next;
        next = examine_last(program, arguments);
    }
}

void program_finish(struct program *program)
{
    for (size_t i = 0; i < program->chain_count; i++)
        free(program->chain[i]);
    free(program->refusal);
    *program = (struct program){0};
}

const char *program_path(const struct program *program)
{
    return program->chain_count ? program->chain[program->chain_count - 1] : "";
}

const char *program_kind_name(enum program_kind kind)
{
    static const char *const names[] = {
        [PROGRAM_UNREADABLE] = "unreadable", [PROGRAM_DYNAMIC] = "dynamic", [PROGRAM_STATIC] = "static",
        [PROGRAM_STATIC_PIE] = "static-pie", [PROGRAM_LIBRARY] = "library", [PROGRAM_FOREIGN] = "foreign",
    };

    return names[kind];
}
