/*
 * A program or library from somebody else: read it, then look at everything in it.
 *
 * Texts must end inside the file, which a sanitizer sees when they are measured.
 */
#include "preload/command/elf_file.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static volatile size_t sink;

static void measure(const char *text)
{
    if (text)
        sink += strlen(text);
}

static int see_symbol(const struct elf_symbol *symbol, void *context)
{
    size_t *count = context;

    measure(symbol->name);
    return ++*count == 4096; /* a header may promise a table as large as the file */
}

static void see_call(uint64_t target, void *context)
{
    *(uint64_t *)context += target;
}

static void see_word(const char *word, void *context)
{
    (void)context;
    measure(word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_file file;
    uint64_t sum = 0;
    size_t count = 0;

    if (elf_file_parse(&file, data, size))
        return 0;
    measure(file.interpreter);
    measure(file.soname);
    measure(file.rpath);
    measure(file.runpath);
    for (size_t i = 0; i < 64; i++)
        measure(elf_file_needed(&file, i));
    elf_file_each_symbol(&file, see_symbol, &count);
    elf_file_each_local(&file, see_symbol, &count);
    elf_file_each_call(&file, see_call, &sum);
    elf_file_each_word(&file, see_word, NULL);
    measure(elf_file_pointed_text(&file, 0x1000));
    elf_file_close(&file);
    return 0;
}
