/* From the file's headers to its tables; what is in the tables is read in elf_tables.c. */
#include "preload/command/elf_file.h"

#include "preload/command/elf_read.h"
#include "spec/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_NONE
#endif

enum { HEADERS_MOST = 512, SECTIONS_MOST = 65536, DYNAMIC_MOST = 65536 };

bool elf_read(const struct elf_file *file, size_t offset, void *copy, size_t size)
{
    if (offset > file->size || size > file->size - offset)
        return false;
    memcpy(copy, file->bytes + offset, size);
    return true;
}

bool elf_read_entry(const struct elf_file *file, struct elf_span span, size_t index, void *copy, size_t size)
{
    return index < span.size / size && elf_read(file, span.offset + index * size, copy, size);
}

const char *elf_text(const struct elf_file *file, struct elf_span span, size_t offset)
{
    const char *text;

    if (offset >= span.size)
        return NULL;
    text = (const char *)file->bytes + span.offset + offset;
    return memchr(text, '\0', span.size - offset) ? text : NULL;
}

bool elf_header(const struct elf_file *file, size_t index, Elf64_Phdr *header)
{
    return index < file->header_count &&
           elf_read(file, file->headers + index * sizeof(*header), header, sizeof(*header));
}

/* The part of it that lies in the file. */
static struct elf_span clip(const struct elf_file *file, uint64_t offset, uint64_t size)
{
    if (offset >= file->size)
        return (struct elf_span){0};
    return (struct elf_span){offset, size < file->size - offset ? size : file->size - offset};
}

struct elf_span elf_locate(const struct elf_file *file, uint64_t address)
{
    Elf64_Phdr header;

    for (size_t i = 0; elf_header(file, i, &header); i++)
        if (header.p_type == PT_LOAD && address >= header.p_vaddr && address - header.p_vaddr < header.p_filesz &&
            header.p_offset <= SIZE_MAX - (address - header.p_vaddr))
            return clip(file, header.p_offset + (address - header.p_vaddr),
                        header.p_filesz - (address - header.p_vaddr));
    return (struct elf_span){0};
}

/* ---- the dynamic section ---- */

struct dynamic {
    uint64_t symbols, strings, strings_size, versions, hash, gnu_hash;
    uint64_t soname, rpath, runpath;
    uint64_t relocations, relocations_size, plt, plt_size;
    bool has_soname, has_rpath, has_runpath;
};

static void note_flags(struct elf_file *file, const Elf64_Dyn *entry)
{
    uint64_t value = entry->d_un.d_val;

    if (entry->d_tag == DT_SYMBOLIC || (entry->d_tag == DT_FLAGS && value & DF_SYMBOLIC))
        file->is_symbolic = true;
    if (entry->d_tag == DT_BIND_NOW || (entry->d_tag == DT_FLAGS && value & DF_BIND_NOW) ||
        (entry->d_tag == DT_FLAGS_1 && value & DF_1_NOW))
        file->binds_now = true;
    if (entry->d_tag == DT_FLAGS_1 && value & DF_1_PIE)
        file->is_pie = true;
    if (entry->d_tag == DT_FLAGS_1 && value & DF_1_NODEFLIB)
        file->skips_system = true;
}

static void note_entry(struct dynamic *dynamic, const Elf64_Dyn *entry)
{
    const struct {
        int64_t tag;
        uint64_t *value;
        bool *is_given;
    } wanted[] = {
        {DT_SYMTAB, &dynamic->symbols, NULL},
        {DT_STRTAB, &dynamic->strings, NULL},
        {DT_STRSZ, &dynamic->strings_size, NULL},
        {DT_VERSYM, &dynamic->versions, NULL},
        {DT_HASH, &dynamic->hash, NULL},
        {DT_GNU_HASH, &dynamic->gnu_hash, NULL},
        {DT_SONAME, &dynamic->soname, &dynamic->has_soname},
        {DT_RPATH, &dynamic->rpath, &dynamic->has_rpath},
        {DT_RUNPATH, &dynamic->runpath, &dynamic->has_runpath},
        {DT_RELA, &dynamic->relocations, NULL},
        {DT_RELASZ, &dynamic->relocations_size, NULL},
        {DT_JMPREL, &dynamic->plt, NULL},
        {DT_PLTRELSZ, &dynamic->plt_size, NULL},
    };

    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        if (wanted[i].tag != entry->d_tag)
            continue;
        *wanted[i].value = entry->d_un.d_val;
        if (wanted[i].is_given)
            *wanted[i].is_given = true;
    }
}

static void read_dynamic(struct elf_file *file, struct dynamic *dynamic)
{
    Elf64_Dyn entry;

    for (size_t i = 0; i < DYNAMIC_MOST && elf_read_entry(file, file->dynamic, i, &entry, sizeof(entry)); i++) {
        if (entry.d_tag == DT_NULL)
            break;
        note_flags(file, &entry);
        note_entry(dynamic, &entry);
    }
}

static struct elf_span shorten(struct elf_span span, uint64_t size)
{
    if (span.size > size)
        span.size = size;
    return span;
}

/* By the generic hash table: its second word; by GNU's: the end of the longest chain, which leaves out undefined
 * symbols. */
static size_t count_hashed(const struct elf_file *file, const struct dynamic *dynamic)
{
    struct elf_span span = dynamic->hash ? elf_locate(file, dynamic->hash) : (struct elf_span){0};
    uint32_t words[4], bucket, last = 0, link = 0;
    size_t buckets, chain;

    if (elf_read_entry(file, span, 1, words, sizeof(*words)))
        return words[0];
    span = elf_locate(file, dynamic->gnu_hash);
    if (!dynamic->gnu_hash || !elf_read_entry(file, span, 0, words, sizeof(words)))
        return 0;
    buckets = 4 + 2 * (size_t)words[2];
    chain = buckets + words[0];
    for (size_t i = 0; i < words[0] && elf_read_entry(file, span, buckets + i, &bucket, sizeof(bucket)); i++)
        last = bucket > last ? bucket : last;
    if (last < words[1])
        return words[1];
    while (elf_read_entry(file, span, chain + (last - words[1]), &link, sizeof(link)) && !(link & 1))
        last++;
    return (size_t)last + 1;
}

static size_t count_relocated(const struct elf_file *file, struct elf_span table)
{
    size_t count = 0;
    Elf64_Rela entry;

    for (size_t i = 0; elf_read_entry(file, table, i, &entry, sizeof(entry)); i++)
        if (ELF64_R_SYM(entry.r_info) >= count)
            count = (size_t)ELF64_R_SYM(entry.r_info) + 1;
    return count;
}

/* GNU's hash table of an object that defines none says nothing of how many it asks for: its relocations do. */
static size_t count_symbols(const struct elf_file *file, const struct dynamic *dynamic, struct elf_span plt)
{
    const size_t counts[] = {count_hashed(file, dynamic), count_relocated(file, file->relocations),
                             count_relocated(file, plt)};
    size_t most = file->symbols.size / sizeof(Elf64_Sym), count = 0;

    for (size_t i = 0; i < COUNT_OF(counts); i++)
        count = counts[i] > count ? counts[i] : count;
    return count < most ? count : most;
}

static int read_tables(struct elf_file *file, const struct dynamic *dynamic)
{
    struct elf_span plt = shorten(elf_locate(file, dynamic->plt), dynamic->plt_size);

    file->strings = shorten(elf_locate(file, dynamic->strings), dynamic->strings_size);
    file->symbols = elf_locate(file, dynamic->symbols);
    file->relocations = shorten(elf_locate(file, dynamic->relocations), dynamic->relocations_size);
    file->symbol_count = count_symbols(file, dynamic, plt);
    if (dynamic->versions)
        file->versions = elf_locate(file, dynamic->versions);
    if (dynamic->has_soname)
        file->soname = elf_text(file, file->strings, dynamic->soname);
    if (dynamic->has_rpath)
        file->rpath = elf_text(file, file->strings, dynamic->rpath);
    if (dynamic->has_runpath)
        file->runpath = elf_text(file, file->strings, dynamic->runpath);
    file->relocated = calloc(file->symbol_count + 1, 1);
    if (!file->relocated)
        return -ENOMEM;
    elf_note_relocations(file, file->relocations, false);
    elf_note_relocations(file, plt, true);
    return 0;
}

/* ---- headers ---- */

/* Go's linker leaves a note of the owner "Go". */
static bool is_note_of_go(const struct elf_file *file, struct elf_span span)
{
    Elf64_Nhdr note;

    while (elf_read_entry(file, span, 0, &note, sizeof(note))) {
        uint64_t size =
            sizeof(note) + (((uint64_t)note.n_namesz + 3) & ~3ull) + (((uint64_t)note.n_descsz + 3) & ~3ull);
        const char *owner = elf_text(file, span, sizeof(note));

        if (owner && note.n_namesz >= sizeof("Go") && strcmp(owner, "Go") == 0)
            return true;
        if (size >= span.size)
            return false;
        span = (struct elf_span){span.offset + size, span.size - size};
    }
    return false;
}

static void read_headers(struct elf_file *file)
{
    Elf64_Phdr header;

    for (size_t i = 0; elf_header(file, i, &header); i++) {
        struct elf_span span = clip(file, header.p_offset, header.p_filesz);

        if (header.p_type == PT_INTERP)
            file->interpreter = elf_text(file, span, 0);
        else if (header.p_type == PT_DYNAMIC)
            file->dynamic = span;
        else if (header.p_type == PT_NOTE && is_note_of_go(file, span))
            file->is_go = true;
    }
    file->has_dynamic = file->dynamic.size > 0;
}

static void read_sections(struct elf_file *file, const Elf64_Ehdr *start)
{
    Elf64_Shdr section, strings;

    if (start->e_shentsize != sizeof(section) || start->e_shoff > file->size)
        return;
    for (size_t i = 0; i < start->e_shnum && i < SECTIONS_MOST; i++) {
        if (!elf_read(file, start->e_shoff + i * sizeof(section), &section, sizeof(section)))
            return;
        if (section.sh_type != SHT_SYMTAB || section.sh_link >= start->e_shnum ||
            !elf_read(file, start->e_shoff + section.sh_link * sizeof(strings), &strings, sizeof(strings)))
            continue;
        file->local_symbols = clip(file, section.sh_offset, section.sh_size);
        file->local_strings = clip(file, strings.sh_offset, strings.sh_size);
    }
}

static int read_file(struct elf_file *file)
{
    struct dynamic dynamic = {0};
    Elf64_Ehdr start;

    if (file->size < EI_NIDENT || memcmp(file->bytes, ELFMAG, SELFMAG) != 0)
        return -ENOEXEC;
    if (!elf_read(file, 0, &start, offsetof(Elf64_Ehdr, e_version)))
        return -EINVAL;
    file->type = start.e_type;
    file->machine = start.e_machine;
    file->is_64 = start.e_ident[EI_CLASS] == ELFCLASS64 && start.e_ident[EI_DATA] == ELFDATA2LSB;
    if (!file->is_64)
        return 0;
    if (!elf_read(file, 0, &start, sizeof(start)) || start.e_phoff > file->size ||
        (start.e_phnum && start.e_phentsize != sizeof(Elf64_Phdr)))
        return -EINVAL;
    file->headers = start.e_phoff;
    file->header_count = start.e_phnum < HEADERS_MOST ? start.e_phnum : HEADERS_MOST;
    read_headers(file);
    read_sections(file, &start);
    if (!file->has_dynamic)
        return 0;
    read_dynamic(file, &dynamic);
    return read_tables(file, &dynamic);
}

int elf_file_parse(struct elf_file *file, const void *bytes, size_t size)
{
    int error;

    *file = (struct elf_file){.bytes = bytes, .size = size};
    error = read_file(file);
    if (error)
        elf_file_close(file);
    return error;
}

int elf_file_open(struct elf_file *file, const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    void *bytes;
    int error;

    *file = (struct elf_file){0};
    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode) || status.st_size < EI_NIDENT)
        return -ENOEXEC;
    bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    *file = (struct elf_file){.bytes = bytes, .size = (size_t)status.st_size, .is_mapped = true};
    error = read_file(file);
    if (error)
        elf_file_close(file);
    return error;
}

void elf_file_close(struct elf_file *file)
{
    free(file->relocated);
    if (file->is_mapped)
        munmap((void *)(uintptr_t)file->bytes, file->size);
    *file = (struct elf_file){0};
}

const char *elf_file_needed(const struct elf_file *file, size_t index)
{
    Elf64_Dyn entry;

    for (size_t i = 0; i < DYNAMIC_MOST && elf_read_entry(file, file->dynamic, i, &entry, sizeof(entry)); i++) {
        if (entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_NEEDED && index-- == 0)
            return elf_text(file, file->strings, entry.d_un.d_val);
    }
    return NULL;
}

bool elf_file_fits_us(const struct elf_file *file)
{
    return file->is_64 && file->machine == OWN_MACHINE;
}

const char *elf_machine_name(unsigned machine)
{
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {
        {EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"}, {EM_386, "i386"},  {EM_ARM, "arm"},
        {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"},     {EM_S390, "s390"}, {EM_MIPS, "mips"},
    };

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i].machine == machine)
            return names[i].name;
    return NULL;
}
