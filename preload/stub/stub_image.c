/* A stub's bytes, from its layout: each fill_* function writes one part. */
#include "preload/stub/stub_image.h"

#include "preload/stub/elf_hash.h"
#include "preload/stub/record.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

enum { BLOOM_SHIFT = 6 };

const char *const stub_section_names[SECTIONS] = {"",        ".dynsym", ".gnu.hash", ".hash", ".rela.dyn", ".rodata",
                                                  ".dynstr", ".text",   ".dynamic",  ".data", ".shstrtab"};

static void *at(const struct image *image, size_t offset)
{
    return image->bytes + offset;
}

static void fill_header(struct image *image)
{
    const Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ELFOSABI_SYSV},
        .e_type = ET_DYN,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_shoff = image->layout.sections,
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = SEGMENTS,
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = SECTIONS,
        .e_shstrndx = SECTION_SECTION_NAMES,
    };

    memcpy(at(image, 0), &header, sizeof(header));
}

static Elf64_Phdr segment_between(uint32_t flags, size_t start, size_t end)
{
    return (Elf64_Phdr){PT_LOAD, flags, start, start, start, end - start, end - start, STUB_PAGE};
}

static void fill_segments(struct image *image)
{
    const struct layout *layout = &image->layout;
    Elf64_Phdr *segments = at(image, sizeof(Elf64_Ehdr));
    size_t dynamic_size = DYNAMIC_ENTRIES * sizeof(Elf64_Dyn);

    segments[SEGMENT_READ] = segment_between(PF_R, 0, layout->read_end);
    segments[SEGMENT_EXECUTE] = segment_between(PF_R | PF_X, layout->code, layout->code_end);
    segments[SEGMENT_WRITE] = segment_between(PF_R | PF_W, layout->dynamic, layout->data_end);
    segments[SEGMENT_DYNAMIC] = segment_between(PF_R | PF_W, layout->dynamic, layout->dynamic + dynamic_size);
    segments[SEGMENT_DYNAMIC].p_type = PT_DYNAMIC;
    segments[SEGMENT_DYNAMIC].p_align = 8;
    segments[SEGMENT_STACK] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W, .p_align = 16};
}

static void fill_dynamic(struct image *image)
{
    const struct layout *layout = &image->layout;
    const Elf64_Dyn entries[DYNAMIC_ENTRIES] = {
        {DT_SONAME, {image->soname}},
        {DT_GNU_HASH, {layout->gnu_hash}},
        {DT_HASH, {layout->sysv_hash}},
        {DT_SYMTAB, {layout->symbols}},
        {DT_SYMENT, {sizeof(Elf64_Sym)}},
        {DT_STRTAB, {layout->strings}},
        {DT_STRSZ, {layout->strings_end - layout->strings}},
        {DT_RELA, {layout->relocations}},
        {DT_RELASZ, {layout->names - layout->relocations}},
        {DT_RELAENT, {sizeof(Elf64_Rela)}},
        {DT_RELACOUNT, {STUB_POINTERS + layout->function_count}},
        {DT_FLAGS_1, {DF_1_NODELETE}}, /* routes that change later write to its records */
        {DT_NULL, {0}},
    };

    memcpy(at(image, layout->dynamic), entries, sizeof(entries));
}

static Elf64_Sym symbol_of(const struct image *image, const struct definition *definition)
{
    const struct layout *layout = &image->layout;

    if (definition->place == layout->function_count)
        return (Elf64_Sym){definition->string, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
                           STV_DEFAULT,        SECTION_DATA,
                           layout->stub,       sizeof(struct stub)};
    return (Elf64_Sym){definition->string,
                       ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                       STV_DEFAULT,
                       SECTION_CODE,
                       layout->code + definition->place * STUB_CODE_SIZE,
                       STUB_CODE_SIZE};
}

/* Both are weak: where the library is missing, a strong one would keep every program from starting. */
static void fill_symbols(struct image *image)
{
    Elf64_Sym *symbols = at(image, image->layout.symbols);

    symbols[SYMBOL_SLOW] = (Elf64_Sym){.st_name = image->slow, .st_info = ELF64_ST_INFO(STB_WEAK, STT_FUNC)};
    symbols[SYMBOL_DLSYM] = (Elf64_Sym){.st_name = image->dlsym, .st_info = ELF64_ST_INFO(STB_WEAK, STT_FUNC)};
    for (size_t i = 0; i <= image->layout.function_count; i++)
        symbols[SYMBOL_FIRST + i] = symbol_of(image, &image->definitions[i]);
}

static void fill_strings(struct image *image)
{
    char *strings = at(image, image->layout.strings);

    memcpy(strings + image->slow, STUB_SLOW_SYMBOL, sizeof(STUB_SLOW_SYMBOL));
    memcpy(strings + image->dlsym, STUB_DLSYM, sizeof(STUB_DLSYM));
    memcpy(strings + image->soname, STUB_SONAME, sizeof(STUB_SONAME));
    memcpy(strings + image->specs, image->spec_list, strlen(image->spec_list) + 1);
    for (size_t i = 0; i <= image->layout.function_count; i++) {
        const struct definition *definition = &image->definitions[i];

        memcpy(strings + definition->string, definition->name, strlen(definition->name) + 1);
    }
}

/* A header of four words, the bloom filter, each bucket's first symbol, and a chain of hashes whose last has bit 0. */
static void fill_gnu_hash(struct image *image)
{
    const struct layout *layout = &image->layout;
    size_t last = layout->function_count;
    uint32_t *table = at(image, layout->gnu_hash);
    uint64_t *bloom = at(image, layout->gnu_hash + 16);
    uint32_t *buckets = at(image, layout->gnu_hash + 16 + layout->bloom_count * 8);
    uint32_t *chain = buckets + layout->bucket_count;

    table[0] = (uint32_t)layout->bucket_count;
    table[1] = SYMBOL_FIRST;
    table[2] = (uint32_t)layout->bloom_count;
    table[3] = BLOOM_SHIFT;
    for (size_t i = 0; i <= last; i++) {
        const struct definition *definition = &image->definitions[i];
        uint32_t hash = definition->hash;
        bool is_end = i == last || definition[1].bucket != definition->bucket;

        bloom[hash / 64 % layout->bloom_count] |= 1ull << hash % 64 | 1ull << (hash >> BLOOM_SHIFT) % 64;
        if (buckets[definition->bucket] == 0)
            buckets[definition->bucket] = (uint32_t)(SYMBOL_FIRST + i);
        chain[i] = (hash & ~1u) | is_end;
    }
}

static void fill_sysv_hash(struct image *image)
{
    const struct layout *layout = &image->layout;
    uint32_t *table = at(image, layout->sysv_hash);
    uint32_t *buckets = table + 2, *chain = buckets + layout->bucket_count;

    table[0] = (uint32_t)layout->bucket_count;
    table[1] = (uint32_t)layout->symbol_count;
    for (size_t i = 0; i <= layout->function_count; i++) {
        uint32_t symbol = (uint32_t)(SYMBOL_FIRST + i);
        uint32_t bucket = elf_hash_sysv(image->definitions[i].name) % (uint32_t)layout->bucket_count;

        chain[symbol] = buckets[bucket];
        buckets[bucket] = symbol;
    }
}

static void fill_relocations(struct image *image)
{
    const struct layout *layout = &image->layout;
    Elf64_Rela *relocations = at(image, layout->relocations);
    const Elf64_Rela pointers[STUB_POINTERS] = {
        {layout->stub + offsetof(struct stub, records), R_X86_64_RELATIVE, (Elf64_Sxword)layout->records},
        {layout->stub + offsetof(struct stub, names), R_X86_64_RELATIVE, (Elf64_Sxword)layout->names},
        {layout->stub + offsetof(struct stub, strings), R_X86_64_RELATIVE, (Elf64_Sxword)layout->strings},
        {layout->stub + offsetof(struct stub, code), R_X86_64_RELATIVE, (Elf64_Sxword)layout->code},
        {layout->stub + offsetof(struct stub, specs), R_X86_64_RELATIVE,
         (Elf64_Sxword)(layout->strings + image->specs)},
    };

    memcpy(relocations, pointers, sizeof(pointers));
    relocations += STUB_POINTERS;
    for (size_t i = 0; i < layout->function_count; i++)
        *relocations++ =
            (Elf64_Rela){layout->records + i * sizeof(struct record), R_X86_64_RELATIVE, (Elf64_Sxword)layout->first};
    for (size_t i = 0; i < STUB_IMPORTS; i++)
        *relocations++ =
            (Elf64_Rela){layout->imports + i * sizeof(void *), ELF64_R_INFO(SYMBOL_SLOW + i, R_X86_64_64), 0};
}

static void fill_stub(struct image *image)
{
    struct stub *stub = at(image, image->layout.stub);
    uint32_t *names = at(image, image->layout.names);

    memcpy(stub->magic, STUB_MAGIC, sizeof(stub->magic));
    stub->version = STUB_VERSION;
    stub->count = (uint32_t)image->layout.function_count;
    stub->hash = image->hash;
    for (size_t i = 0; i <= image->layout.function_count; i++) {
        const struct definition *definition = &image->definitions[i];

        if (definition->place < image->layout.function_count)
            names[definition->place] = definition->string;
    }
}

/* endbr64; lea record(%rip), %r10; jmp *(%r10); int3 int3.  The distance counts from the end of the lea. */
static void fill_code(struct image *image)
{
    static const uint8_t code[STUB_CODE_SIZE] = {0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15, 0,
                                                 0,    0,    0,    0x41, 0xff, 0x22, 0xcc, 0xcc};
    enum { DISTANCE = 7, LEA_END = 11 };

    for (size_t i = 0; i < image->layout.function_count; i++) {
        size_t start = image->layout.code + i * STUB_CODE_SIZE;
        uint32_t distance = (uint32_t)(image->layout.records + i * sizeof(struct record) - (start + LEA_END));

        memcpy(at(image, start), code, sizeof(code));
        memcpy(at(image, start + DISTANCE), &distance, sizeof(distance));
    }
}

static void fill_first(struct image *image)
{
    const struct layout *layout = &image->layout;
    const struct {
        const uint8_t *end; /* of the distance, and of the instruction that it counts from */
        size_t target;
    } distances[] = {
        {stub_first_library, layout->imports}, {stub_first_dlsym, layout->imports + sizeof(void *)},
        {stub_first_records, layout->records}, {stub_first_names, layout->names},
        {stub_first_strings, layout->strings},
    };

    memcpy(at(image, layout->first), stub_first, (size_t)(stub_first_end - stub_first));
    for (size_t i = 0; i < sizeof(distances) / sizeof(*distances); i++) {
        size_t end = layout->first + (size_t)(distances[i].end - stub_first);
        uint32_t distance = (uint32_t)(distances[i].target - end);

        memcpy(at(image, end - sizeof(distance)), &distance, sizeof(distance));
    }
}

static Elf64_Shdr section(uint32_t type, uint64_t flags, size_t start, size_t size, size_t entry_size)
{
    return (Elf64_Shdr){
        .sh_type = type,
        .sh_flags = flags,
        .sh_addr = flags & SHF_ALLOC ? start : 0,
        .sh_offset = start,
        .sh_size = size,
        .sh_addralign = start % 8 ? 1 : 8,
        .sh_entsize = entry_size,
    };
}

static void fill_section_names(struct image *image)
{
    char *names = at(image, image->layout.section_names);
    Elf64_Shdr *sections = at(image, image->layout.sections);
    size_t offset = 0;

    for (size_t i = 0; i < SECTIONS; i++) {
        size_t size = strlen(stub_section_names[i]) + 1;

        sections[i].sh_name = (uint32_t)offset;
        memcpy(names + offset, stub_section_names[i], size);
        offset += size;
    }
}

static void fill_sections(struct image *image)
{
    const struct layout *l = &image->layout;
    Elf64_Shdr *s = at(image, l->sections);
    size_t symbols_size = l->symbol_count * sizeof(Elf64_Sym);
    size_t sysv_hash_size = (2 + l->bucket_count + l->symbol_count) * sizeof(uint32_t);
    size_t relocations_size = l->names - l->relocations;
    size_t dynamic_size = DYNAMIC_ENTRIES * sizeof(Elf64_Dyn);
    uint64_t read = SHF_ALLOC, execute = SHF_ALLOC | SHF_EXECINSTR, write = SHF_ALLOC | SHF_WRITE;

    s[SECTION_SYMBOLS] = section(SHT_DYNSYM, read, l->symbols, symbols_size, sizeof(Elf64_Sym));
    s[SECTION_GNU_HASH] = section(SHT_GNU_HASH, read, l->gnu_hash, l->sysv_hash - l->gnu_hash, 0);
    s[SECTION_SYSV_HASH] = section(SHT_HASH, read, l->sysv_hash, sysv_hash_size, sizeof(uint32_t));
    s[SECTION_RELOCATIONS] = section(SHT_RELA, read, l->relocations, relocations_size, sizeof(Elf64_Rela));
    s[SECTION_NAMES] = section(SHT_PROGBITS, read, l->names, l->read_end - l->names, 0);
    s[SECTION_STRINGS] = section(SHT_STRTAB, read, l->strings, l->strings_end - l->strings, 0);
    s[SECTION_CODE] = section(SHT_PROGBITS, execute, l->code, l->code_end - l->code, 0);
    s[SECTION_DYNAMIC] = section(SHT_DYNAMIC, write, l->dynamic, dynamic_size, sizeof(Elf64_Dyn));
    s[SECTION_DATA] = section(SHT_PROGBITS, write, l->stub, l->data_end - l->stub, 0);
    s[SECTION_SECTION_NAMES] = section(SHT_STRTAB, 0, l->section_names, l->sections - l->section_names, 0);

    s[SECTION_SYMBOLS].sh_info = SYMBOL_SLOW; /* the first that is not local */
    s[SECTION_SYMBOLS].sh_link = s[SECTION_DYNAMIC].sh_link = SECTION_STRINGS;
    s[SECTION_GNU_HASH].sh_link = s[SECTION_SYSV_HASH].sh_link = s[SECTION_RELOCATIONS].sh_link = SECTION_SYMBOLS;
    fill_section_names(image);
}

void stub_image_fill(struct image *image)
{
    fill_header(image);
    fill_segments(image);
    fill_symbols(image);
    fill_gnu_hash(image);
    fill_sysv_hash(image);
    fill_relocations(image);
    fill_strings(image);
    fill_code(image);
    fill_first(image);
    fill_dynamic(image);
    fill_stub(image);
    fill_sections(image);
}
