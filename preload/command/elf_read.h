/* How elf_file.c and elf_tables.c read: always a copy, always inside the file. */
#ifndef WINAPI_PRELOAD_COMMAND_ELF_READ_H
#define WINAPI_PRELOAD_COMMAND_ELF_READ_H

#include "preload/command/elf_file.h"

#include <elf.h>

bool elf_read(const struct elf_file *file, size_t offset, void *copy, size_t size);

/* The index-th piece of `size` bytes of a span. */
bool elf_read_entry(const struct elf_file *file, struct elf_span span, size_t index, void *copy, size_t size);

/* The text at this offset of a span, if it ends inside; else NULL. */
const char *elf_text(const struct elf_file *file, struct elf_span span, size_t offset);

/* False behind the last program header. */
bool elf_header(const struct elf_file *file, size_t index, Elf64_Phdr *header);

/* From this address to the end of its segment, in the file; of size 0 when no segment has it. */
struct elf_span elf_locate(const struct elf_file *file, uint64_t address);

/* Fills `relocated` and `dropped_calls` from a table of relocations with addends. */
void elf_note_relocations(struct elf_file *file, struct elf_span table, bool is_plt);

#endif
