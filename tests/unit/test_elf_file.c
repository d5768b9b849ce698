/* preload/command/elf_file.c and elf_tables.c, by an object that is laid out by hand. */
#include "preload/command/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ADDRESS = 0x400000 };

/* Addresses are offsets + ADDRESS. */
struct object {
    Elf64_Ehdr header;
    Elf64_Phdr segments[4];
    Elf64_Dyn dynamic[16];
    Elf64_Sym symbols[4];
    uint32_t hash[2];
    Elf64_Rela data_relocations[2], plt_relocations[2];
    char strings[64];
    char interpreter[32];
    struct {
        Elf64_Nhdr header;
        char owner[4], text[4];
    } note;
    char words[32];
    uint8_t code[16];
};

#define AT(member) (ADDRESS + offsetof(struct object, member))

static const char strings[] = "\0libone.so\0crc32\0own\0$ORIGIN/lib\0self.so";
enum { LIBONE = 1, CRC32 = 11, OWN = 17, ORIGIN = 21, SELF = 33 };

static void fill_dynamic(struct object *object)
{
    const Elf64_Dyn entries[] = {
        {DT_NEEDED, {LIBONE}},
        {DT_SONAME, {SELF}},
        {DT_RUNPATH, {ORIGIN}},
        {DT_SYMTAB, {AT(symbols)}},
        {DT_STRTAB, {AT(strings)}},
        {DT_STRSZ, {sizeof(object->strings)}},
        {DT_HASH, {AT(hash)}},
        {DT_RELA, {AT(data_relocations)}},
        {DT_RELASZ, {sizeof(object->data_relocations)}},
        {DT_JMPREL, {AT(plt_relocations)}},
        {DT_PLTRELSZ, {sizeof(object->plt_relocations)}},
        {DT_FLAGS, {DF_SYMBOLIC}},
        {DT_FLAGS_1, {DF_1_NOW | DF_1_PIE}},
    };

    memcpy(object->dynamic, entries, sizeof(entries));
}

static void fill_tables(struct object *object)
{
    object->hash[1] = 4;
    object->symbols[1] = (Elf64_Sym){.st_name = CRC32, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE)};
    object->symbols[2] = (Elf64_Sym){.st_name = OWN,
                                     .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                                     .st_other = STV_PROTECTED,
                                     .st_shndx = 1,
                                     .st_value = AT(code)};
    object->symbols[3] = (Elf64_Sym){.st_name = 5000, .st_shndx = 1}; /* no such text */
    object->data_relocations[0] =
        (Elf64_Rela){.r_offset = 0x1234, .r_info = ELF64_R_INFO(0, R_X86_64_RELATIVE), .r_addend = AT(interpreter)};
    object->data_relocations[1] = (Elf64_Rela){.r_info = ELF64_R_INFO(900, R_X86_64_GLOB_DAT)};
    object->plt_relocations[0] = (Elf64_Rela){.r_info = ELF64_R_INFO(1, R_X86_64_JUMP_SLOT)};
}

static struct object *make(void)
{
    static const uint8_t call[] = {0xe8, 0xfa, 0xff, 0xff, 0xff}; /* of the code's own first byte */
    struct object *object = calloc(1, sizeof(*object));

    assert_non_null(object);
    memcpy(object->header.e_ident, ELFMAG, SELFMAG);
    object->header.e_ident[EI_CLASS] = ELFCLASS64;
    object->header.e_ident[EI_DATA] = ELFDATA2LSB;
    object->header.e_type = ET_DYN;
    object->header.e_machine = EM_X86_64;
    object->header.e_phoff = offsetof(struct object, segments);
    object->header.e_phentsize = sizeof(Elf64_Phdr);
    object->header.e_phnum = 4;
    object->segments[0] =
        (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = ADDRESS, .p_filesz = sizeof(*object)};
    object->segments[1] = (Elf64_Phdr){
        .p_type = PT_DYNAMIC, .p_offset = offsetof(struct object, dynamic), .p_filesz = sizeof(object->dynamic)};
    object->segments[2] =
        (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = offsetof(struct object, interpreter), .p_filesz = 32};
    object->segments[3] =
        (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = offsetof(struct object, note), .p_filesz = sizeof(object->note)};
    fill_dynamic(object);
    fill_tables(object);
    memcpy(object->strings, strings, sizeof(strings));
    strcpy(object->interpreter, "/lib64/ld-linux-x86-64.so.2");
    object->note.header = (Elf64_Nhdr){3, 4, 4};
    strcpy(object->note.owner, "Go");
    memcpy(object->words, "\0compress\0not a word", 21);
    memcpy(object->code + 1, call, sizeof(call));
    return object;
}

static void headers_are_read(void **state)
{
    struct object *object = make();
    struct elf_file file;

    (void)state;
    assert_int_equal(elf_file_parse(&file, object, sizeof(*object)), 0);
    assert_string_equal(file.interpreter, "/lib64/ld-linux-x86-64.so.2");
    assert_string_equal(file.soname, "self.so");
    assert_string_equal(file.runpath, "$ORIGIN/lib");
    assert_null(file.rpath);
    assert_true(file.is_symbolic && file.binds_now && file.is_pie && file.is_go && file.has_dynamic);
    assert_string_equal(elf_file_needed(&file, 0), "libone.so");
    assert_null(elf_file_needed(&file, 1));
    assert_string_equal(elf_file_pointed_text(&file, 0x1234), "/lib64/ld-linux-x86-64.so.2");
    assert_null(elf_file_pointed_text(&file, 0x1235));
    elf_file_close(&file);
    free(object);
}

static int check_symbol(const struct elf_symbol *symbol, void *context)
{
    size_t *seen = context;

    if (strcmp(symbol->name, "crc32") == 0) {
        assert_false(symbol->is_defined);
        assert_int_equal(symbol->relocated, ELF_CALLED);
    } else {
        assert_string_equal(symbol->name, "own");
        assert_true(symbol->is_defined && symbol->is_function);
        assert_int_equal(symbol->visibility, STV_PROTECTED);
        assert_int_equal(symbol->relocated, 0);
    }
    (*seen)++;
    return 0;
}

static void symbols_have_their_relocations(void **state)
{
    struct object *object = make();
    struct elf_file file;
    size_t seen = 0;

    (void)state;
    assert_int_equal(elf_file_parse(&file, object, sizeof(*object)), 0);
    assert_int_equal(elf_file_each_symbol(&file, check_symbol, &seen), 0);
    assert_int_equal(seen, 2);
    assert_int_equal(file.dropped_calls, 1);
    elf_file_close(&file);
    free(object);
}

static void note_call(uint64_t target, void *context)
{
    *(size_t *)context += target == AT(code);
}

static void note_word(const char *word, void *context)
{
    *(size_t *)context += strcmp(word, "compress") == 0;
    assert_string_not_equal(word, "crc32"); /* which is the dynamic linker's */
    assert_string_not_equal(word, "not a word");
}

static void calls_and_words_are_seen(void **state)
{
    struct object *object = make();
    struct elf_file file;
    size_t calls = 0, words = 0;

    (void)state;
    assert_int_equal(elf_file_parse(&file, object, sizeof(*object)), 0);
    assert_true(elf_file_each_call(&file, note_call, &calls));
    assert_int_equal(calls, 1);
    elf_file_each_word(&file, note_word, &words);
    assert_int_equal(words, 1);
    elf_file_close(&file);
    free(object);
}

static void what_is_no_elf_file_is_refused(void **state)
{
    struct elf_file file;

    (void)state;
    assert_int_equal(elf_file_parse(&file, "#!/bin/sh\nexit 0\n", 17), -ENOEXEC);
    assert_int_equal(elf_file_parse(&file, ELFMAG, 4), -ENOEXEC);
    assert_int_equal(elf_file_open(&file, "/dev/null"), -ENOEXEC);
    assert_int_equal(elf_file_open(&file, "/nonexistent"), -ENOENT);
}

static int see(const struct elf_symbol *symbol, void *context)
{
    *(size_t *)context += strlen(symbol->name);
    return 0;
}

static void look_at_all(const uint8_t *bytes, size_t size)
{
    struct elf_file file;
    size_t sum = 0;

    if (elf_file_parse(&file, bytes, size))
        return;
    elf_file_each_symbol(&file, see, &sum);
    elf_file_each_call(&file, note_call, &sum);
    for (size_t i = 0; i < 3; i++)
        (void)elf_file_needed(&file, i);
    elf_file_close(&file);
}

/* At each length: a sanitizer sees what is read behind the end. */
static void file_that_is_cut_off_is_read_as_far_as_it_goes(void **state)
{
    struct object *object = make();

    (void)state;
    for (size_t size = 1; size < sizeof(*object); size++) {
        uint8_t *copy = malloc(size);

        assert_non_null(copy);
        memcpy(copy, object, size);
        look_at_all(copy, size);
        free(copy);
    }
    free(object);
}

static void numbers_beyond_the_file_are_ignored(void **state)
{
    struct object *object = make();
    struct elf_file file;

    (void)state;
    object->segments[2].p_offset = UINT64_MAX - 3;
    object->segments[3].p_filesz = UINT64_MAX;
    object->note.header.n_namesz = UINT32_MAX;
    object->hash[1] = UINT32_MAX;
    object->dynamic[2].d_un.d_val = UINT64_MAX;
    assert_int_equal(elf_file_parse(&file, object, sizeof(*object)), 0);
    assert_null(file.interpreter);
    assert_null(file.runpath);
    assert_true(file.symbol_count < sizeof(*object));
    elf_file_close(&file);
    object->header.e_phoff = UINT64_MAX;
    assert_int_equal(elf_file_parse(&file, object, sizeof(*object)), -EINVAL);
    free(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read),
        cmocka_unit_test(symbols_have_their_relocations),
        cmocka_unit_test(calls_and_words_are_seen),
        cmocka_unit_test(what_is_no_elf_file_is_refused),
        cmocka_unit_test(file_that_is_cut_off_is_read_as_far_as_it_goes),
        cmocka_unit_test(numbers_beyond_the_file_are_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
