/*
 * Makes the built-in stub at build time: generate SPEC OUTPUT
 *
 * From the rows of spec/winapi.json it writes an assembly file with what a stub file has (preload/stub/stub_file.c):
 * each function's code and record, and the struct stub that describes them; and, embedded, the spec file's own text.
 * Linked into libwinapi_preload.so, which thereby exports these functions itself.
 */
#include "preload/stub/record.h"
#include "spec/table/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_code(FILE *out, const struct table *table)
{
    fprintf(out, "    .text\n    .balign %d\nbuiltin_code:\n", STUB_CODE_SIZE);
    for (size_t i = 0; i < table->row_count; i++) {
        const char *name = table->by_name[i]->name;

        fprintf(out, "    .globl %s\n    .type %s, @function\n%s:\n", name, name, name);
        fprintf(out, "    endbr64\n    leaq builtin_records+%zu(%%rip), %%r10\n    jmp *(%%r10)\n",
                i * sizeof(struct record));
        fprintf(out, "    .size %s, . - %s\n    .balign %d, 0xcc\n", name, name, STUB_CODE_SIZE);
    }
}

static void write_names(FILE *out, const struct table *table)
{
    size_t offset = 0;

    fprintf(out, "    .section .rodata\n    .balign 4\nbuiltin_names:\n");
    for (size_t i = 0; i < table->row_count; i++) {
        fprintf(out, "    .long %zu\n", offset);
        offset += strlen(table->by_name[i]->name) + 1;
    }
    fprintf(out, "builtin_strings:\n");
    for (size_t i = 0; i < table->row_count; i++)
        fprintf(out, "    .asciz \"%s\"\n", table->by_name[i]->name);
}

/* The members of struct record and struct stub, in their order. */
static void write_records(FILE *out, const struct table *table)
{
    fprintf(out, "    .section .data.rel.local, \"aw\", @progbits\n    .balign %zu\nbuiltin_records:\n",
            sizeof(struct record));
    for (size_t i = 0; i < table->row_count; i++)
        fprintf(out, "    .quad __winapi_stub_slow, 0, 0, 0\n");
    fprintf(out, "    .globl builtin_stub\n    .hidden builtin_stub\n    .type builtin_stub, @object\nbuiltin_stub:\n");
    fprintf(out, "    .ascii \"%s\"\n    .long %d, %zu\n    .quad 0x%" PRIx64 "\n", STUB_MAGIC, STUB_VERSION,
            table->row_count, table->hash);
    fprintf(out, "    .quad builtin_records, builtin_names, builtin_strings, builtin_code, builtin_no_specs\n");
    fprintf(out, "builtin_no_specs:\n    .quad 0\n");
    fprintf(out, "    .size builtin_stub, . - builtin_stub\n");
}

/* The embedded text ends with a NUL that does not count. */
static void write_table(FILE *out, const char *path)
{
    fprintf(out, "    .section .rodata\n    .globl builtin_table, builtin_table_end\n");
    fprintf(out, "    .hidden builtin_table, builtin_table_end\n    .type builtin_table, @object\n");
    fprintf(out, "builtin_table:\n    .incbin \"");
    for (; *path; path++)
        fprintf(out, *path == '"' || *path == '\\' ? "\\%c" : "%c", *path);
    fprintf(out, "\"\nbuiltin_table_end:\n    .size builtin_table, . - builtin_table\n    .byte 0\n");
}

static int write_assembly(const struct table *table, const char *path)
{
    FILE *out = fopen(path, "we");
    int error;

    if (!out)
        return -errno;
    fprintf(out, "/* Made by preload/builtin/generate.c. */\n");
    write_code(out, table);
    write_names(out, table);
    write_records(out, table);
    write_table(out, table->path);
    fprintf(out, "    .section .note.GNU-stack, \"\", @progbits\n");

    error = ferror(out) ? -EIO : 0;
    if (fclose(out) != 0 && !error)
        error = -errno;
    return error;
}

int main(int argc, char **argv)
{
    struct diagnostics diagnostics = {0};
    struct table *table = NULL;
    int error;

    if (argc != 3) {
        fprintf(stderr, "usage: generate SPEC OUTPUT\n");
        return 2;
    }
    error = table_read(&table, argv[1], &diagnostics);
    if (error)
        fprintf(stderr, "%s", diagnostics.text.data ? diagnostics.text.data : "out of memory\n");
    diagnostics_finish(&diagnostics);
    if (!error) {
        error = write_assembly(table, argv[2]);
        if (error)
            fprintf(stderr, "generate: %s: %s\n", argv[2], strerror(-error));
        table_destroy(table);
    }
    return error ? 1 : 0;
}
