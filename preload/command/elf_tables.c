/* Symbols, relocations, code and texts of an ELF file, as far as names of functions are in them. */
#include "preload/command/elf_read.h"

#include <ctype.h>
#include <string.h>

enum { VERSION_HIDDEN = 0x8000, WORD_MOST = 256 };

/* What a relocation asks for its symbol; 0: nothing that concerns functions. */
static unsigned purpose(const struct elf_file *file, unsigned type)
{
    if (file->machine == EM_X86_64)
        return type == R_X86_64_JUMP_SLOT                         ? ELF_CALLED
               : type == R_X86_64_GLOB_DAT || type == R_X86_64_64 ? ELF_ADDRESS_TAKEN
                                                                  : 0;
    if (file->machine == EM_AARCH64)
        return type == R_AARCH64_JUMP_SLOT                             ? ELF_CALLED
               : type == R_AARCH64_GLOB_DAT || type == R_AARCH64_ABS64 ? ELF_ADDRESS_TAKEN
                                                                       : 0;
    return 0;
}

void elf_note_relocations(struct elf_file *file, struct elf_span table, bool is_plt)
{
    Elf64_Rela entry;

    for (size_t i = 0; elf_read_entry(file, table, i, &entry, sizeof(entry)); i++) {
        uint64_t index = ELF64_R_SYM(entry.r_info);

        if (is_plt && entry.r_info == 0)
            file->dropped_calls++;
        else if (index < file->symbol_count)
            file->relocated[index] |= (uint8_t)purpose(file, (unsigned)ELF64_R_TYPE(entry.r_info));
    }
}

const char *elf_file_pointed_text(const struct elf_file *file, uint64_t address)
{
    const unsigned relative = file->machine == EM_X86_64 ? R_X86_64_RELATIVE : R_AARCH64_RELATIVE;
    Elf64_Rela entry;

    for (size_t i = 0; elf_read_entry(file, file->relocations, i, &entry, sizeof(entry)); i++)
        if (entry.r_offset == address && ELF64_R_TYPE(entry.r_info) == relative)
            return elf_text(file, elf_locate(file, (uint64_t)entry.r_addend), 0);
    return NULL;
}

static struct elf_symbol describe(const Elf64_Sym *from, const char *name)
{
    unsigned type = ELF64_ST_TYPE(from->st_info);

    return (struct elf_symbol){
        .name = name,
        .value = from->st_value,
        .binding = ELF64_ST_BIND(from->st_info),
        .visibility = ELF64_ST_VISIBILITY(from->st_other),
        .type = type,
        .is_defined = from->st_shndx != SHN_UNDEF,
        .is_function = type == STT_NOTYPE || type == STT_FUNC || type == STT_GNU_IFUNC,
    };
}

static bool has_hidden_version(const struct elf_file *file, size_t index)
{
    uint16_t version;

    return elf_read_entry(file, file->versions, index, &version, sizeof(version)) && version & VERSION_HIDDEN;
}

int elf_file_each_symbol(const struct elf_file *file, int (*visit)(const struct elf_symbol *symbol, void *context),
                         void *context)
{
    Elf64_Sym entry;
    int result = 0;

    for (size_t i = 1; !result && i < file->symbol_count; i++) {
        const char *name;
        struct elf_symbol symbol;

        if (!elf_read_entry(file, file->symbols, i, &entry, sizeof(entry)))
            break;
        name = elf_text(file, file->strings, entry.st_name);
        if (!name || !*name)
            continue;
        symbol = describe(&entry, name);
        symbol.relocated = file->relocated[i];
        symbol.is_hidden_version = has_hidden_version(file, i);
        result = visit(&symbol, context);
    }
    return result;
}

int elf_file_each_local(const struct elf_file *file, int (*visit)(const struct elf_symbol *symbol, void *context),
                        void *context)
{
    Elf64_Sym entry;
    int result = 0;

    for (size_t i = 1; !result && elf_read_entry(file, file->local_symbols, i, &entry, sizeof(entry)); i++) {
        const char *name = elf_text(file, file->local_strings, entry.st_name);

        if (name && *name) {
            const struct elf_symbol symbol = describe(&entry, name);

            result = visit(&symbol, context);
        }
    }
    return result;
}

/* e8 and e9 with a distance of 4 bytes, which counts from the end of the instruction. */
static void read_code(const struct elf_file *file, const Elf64_Phdr *segment,
                      void (*visit)(uint64_t target, void *context), void *context)
{
    const uint8_t *code = file->bytes + segment->p_offset;

    for (uint64_t i = 0; i + 5 <= segment->p_filesz; i++) {
        int32_t distance;

        if ((code[i] & 0xfe) != 0xe8)
            continue;
        memcpy(&distance, code + i + 1, sizeof(distance));
        visit(segment->p_vaddr + i + 5 + (uint64_t)(int64_t)distance, context);
    }
}

bool elf_file_each_call(const struct elf_file *file, void (*visit)(uint64_t target, void *context), void *context)
{
    Elf64_Phdr segment;

    if (file->machine != EM_X86_64)
        return false;
    for (size_t i = 0; elf_header(file, i, &segment); i++)
        if (segment.p_type == PT_LOAD && segment.p_flags & PF_X && segment.p_offset <= file->size &&
            segment.p_filesz <= file->size - segment.p_offset)
            read_code(file, &segment, visit, context);
    return true;
}

static bool is_word(const uint8_t *bytes, size_t size)
{
    if (size == 0 || size > WORD_MOST || isdigit(bytes[0]))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum(bytes[i]) && bytes[i] != '_')
            return false;
    return true;
}

static bool is_in(struct elf_span span, size_t offset)
{
    return offset >= span.offset && offset - span.offset < span.size;
}

static void read_words(const struct elf_file *file, const Elf64_Phdr *segment,
                       void (*visit)(const char *word, void *context), void *context)
{
    size_t at = segment->p_offset, end = segment->p_offset + segment->p_filesz;

    while (at < end) {
        const uint8_t *stop = memchr(file->bytes + at, '\0', end - at);
        size_t size = stop ? (size_t)(stop - file->bytes) - at : 0;

        if (!stop)
            return;
        if (!is_in(file->strings, at) && is_word(file->bytes + at, size))
            visit((const char *)file->bytes + at, context);
        at += size + 1;
    }
}

void elf_file_each_word(const struct elf_file *file, void (*visit)(const char *word, void *context), void *context)
{
    Elf64_Phdr segment;

    for (size_t i = 0; elf_header(file, i, &segment); i++)
        if (segment.p_type == PT_LOAD && segment.p_offset <= file->size &&
            segment.p_filesz <= file->size - segment.p_offset)
            read_words(file, &segment, visit, context);
}
