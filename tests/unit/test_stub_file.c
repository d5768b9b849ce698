/*
 * preload/stub/stub_file.c: what it writes is read by the loader, by preload/loader/elf_object.c and by the link
 * editor.
 *
 * The programs that are compiled here run without any of our libraries but the stub and a core of a few lines.
 */
#include "preload/stub/stub_file.h"

#include "preload/loader/elf_object.h"
#include "preload/stub/record.h"

#include <dlfcn.h>
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FUNCTIONS_MOST = 600, HASH = 0x1234 };

static char directory[] = "/tmp/test_stub_file.XXXXXX";

static int enter_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int leave_directory(void **state)
{
    char command[sizeof(directory) + 8];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

/* A catalog of `count` functions f000, f001 ..., of this table. */
static uint8_t *make(const char *table_name, size_t count, size_t *size)
{
    static char names[FUNCTIONS_MOST][8];
    static struct row rows[FUNCTIONS_MOST];
    static const struct row *by_name[FUNCTIONS_MOST];
    struct table table = {.name = table_name, .rows = rows, .row_count = count};
    struct catalog catalog = {.row_count = count, .by_name = by_name};
    uint8_t *bytes = NULL;

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "f%03u", (unsigned)i % 1000);
        rows[i] = (struct row){.table = &table, .name = names[i]};
        by_name[i] = &rows[i];
    }
    assert_int_equal(stub_file_make(&catalog, HASH, &bytes, size), 0);
    return bytes;
}

static void make_file(const char *path, size_t count)
{
    size_t size;
    uint8_t *bytes = make("t", count, &size);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

static const Elf64_Phdr *segment(const uint8_t *bytes, uint32_t type, uint32_t flags)
{
    const Elf64_Ehdr *header = (const void *)bytes;
    const Elf64_Phdr *segments = (const void *)(bytes + header->e_phoff);

    for (size_t i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == type && segments[i].p_flags == flags)
            return &segments[i];
    }
    return NULL;
}

static void headers_are_what_both_loaders_want(void **state)
{
    size_t size;
    uint8_t *bytes = make("t", 5, &size);
    const Elf64_Phdr *writable = segment(bytes, PT_LOAD, PF_R | PF_W);

    (void)state;
    assert_memory_equal(bytes, ELFMAG, SELFMAG);
    assert_non_null(segment(bytes, PT_LOAD, PF_R));
    assert_non_null(segment(bytes, PT_LOAD, PF_R | PF_X));
    assert_non_null(segment(bytes, PT_DYNAMIC, PF_R | PF_W));
    assert_non_null(segment(bytes, PT_GNU_STACK, PF_R | PF_W));
    assert_non_null(writable);
    assert_int_equal(writable->p_memsz % 4096, 0);
    assert_int_equal(writable->p_memsz, writable->p_filesz);
    assert_true(writable->p_offset + writable->p_filesz <= size);
    free(bytes);
}

static const Elf64_Dyn *dynamic_entry(const uint8_t *bytes, Elf64_Sxword tag)
{
    const Elf64_Dyn *entry = (const void *)(bytes + segment(bytes, PT_DYNAMIC, PF_R | PF_W)->p_offset);

    while (entry->d_tag != tag && entry->d_tag != DT_NULL)
        entry++;
    assert_int_equal(entry->d_tag, tag);
    return entry;
}

/* So that whoever takes what lies between the two for the symbols counts them right. */
static void strings_begin_where_the_symbols_end(void **state)
{
    size_t size;
    uint8_t *bytes = make("t", 7, &size);
    const uint32_t *sysv_hash = (const void *)(bytes + dynamic_entry(bytes, DT_HASH)->d_un.d_ptr);
    size_t symbols_size = dynamic_entry(bytes, DT_STRTAB)->d_un.d_ptr - dynamic_entry(bytes, DT_SYMTAB)->d_un.d_ptr;

    (void)state;
    assert_int_equal(symbols_size, sysv_hash[1] * sizeof(Elf64_Sym));
    free(bytes);
}

static void same_catalog_gives_the_same_bytes(void **state)
{
    size_t one_size, other_size;
    uint8_t *one = make("t", 9, &one_size), *other = make("t", 9, &other_size);

    (void)state;
    assert_int_equal(one_size, other_size);
    assert_memory_equal(one, other, one_size);
    free(one);
    free(other);
}

/* Stands where the slow path would: gives back the record it was reached through. */
void *answer(void);
__asm__(".text\nanswer:\n    movq %r10, %rax\n    ret\n");

/* Each name leads to code that jumps through the record of the same index. */
static void loader_finds_every_function(void **state)
{
    const struct stub *stub;
    void *handle;

    (void)state;
    make_file("many.so", FUNCTIONS_MOST);
    handle = dlopen("./many.so", RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    stub = dlsym(handle, STUB_SYMBOL);
    assert_non_null(stub);
    assert_memory_equal(stub->magic, STUB_MAGIC, sizeof(stub->magic));
    assert_int_equal(stub->version, STUB_VERSION);
    assert_int_equal(stub->count, FUNCTIONS_MOST);
    assert_int_equal(stub->hash, HASH);
    for (uint32_t i = 0; i < stub->count; i++) {
        const char *name = stub->strings + stub->names[i];
        void *function = dlsym(handle, name);

        assert_ptr_equal(function, stub->code + (size_t)i * STUB_CODE_SIZE);
        assert_ptr_equal(atomic_load(&stub->records[i].target), stub->code + (size_t)FUNCTIONS_MOST * STUB_CODE_SIZE);
        atomic_store(&stub->records[i].target, (void *)answer);
        assert_ptr_equal(((void *(*)(void))function)(), &stub->records[i]);
        assert_true(i == 0 || strcmp(stub->strings + stub->names[i - 1], name) < 0);
    }
    assert_null(dlsym(handle, "f600"));
    dlclose(handle);
}

static int find_stub(const struct elf_object *object, void *context)
{
    *(struct elf_object *)context = *object;
    return strstr(object->path, "tables.so") != NULL;
}

static void both_of_its_hash_tables_find_every_function(void **state)
{
    struct elf_object with_gnu, with_sysv;
    const struct stub *stub;
    void *handle;

    (void)state;
    make_file("tables.so", FUNCTIONS_MOST);
    handle = dlopen("./tables.so", RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    assert_int_equal(elf_object_each(find_stub, &with_gnu), 1);
    assert_true(elf_object_is_ours(&with_gnu));
    with_sysv = with_gnu;
    with_sysv.gnu_hash = NULL;
    stub = elf_object_find(&with_sysv, STUB_SYMBOL);
    assert_non_null(stub);
    for (uint32_t i = 0; i < stub->count; i++) {
        const char *name = stub->strings + stub->names[i];

        assert_non_null(elf_object_find(&with_gnu, name));
        assert_ptr_equal(elf_object_find(&with_gnu, name), elf_object_find(&with_sysv, name));
        assert_null(elf_find_native(name));
    }
    dlclose(handle);
}

static void built_in_functions_are_left_out(void **state)
{
    size_t size;
    uint8_t *bytes = make("winapi", 3, &size);

    (void)state;
    assert_null(memmem(bytes, size, "f001", 5));
    free(bytes);
    bytes = make("t", 3, &size);
    assert_non_null(memmem(bytes, size, "f001", 5));
    free(bytes);
}

static void stub_without_functions_loads(void **state)
{
    void *handle;

    (void)state;
    make_file("empty.so", 0);
    handle = dlopen("./empty.so", RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    assert_int_equal(((const struct stub *)dlsym(handle, STUB_SYMBOL))->count, 0);
    dlclose(handle);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int run(const char *command)
{
    int status = system(command);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * The program names functions that exist nowhere, in itself (linked to the stub as a stand-in) and in a library (linked
 * to nothing), and all of it is bound at the start.
 */
static void program_with_unresolved_symbols_runs_when_preloaded(void **state)
{
    (void)state;
    if (run("cc --version >cc.txt 2>&1") != 0)
        skip();
    make_file("stub.so", 8);
    write_text("core.c", "int winapi_answer(int a) { return a + 1000; }\n"
                         "__asm__(\".text\\n.globl __winapi_stub_slow\\n__winapi_stub_slow:\\n\"\n"
                         "        \"mov winapi_answer@GOTPCREL(%rip), %rax\\nmov %rax, (%r10)\\njmp *(%r10)\\n\");\n");
    write_text("library.c", "int f001(int); int (*pointer)(int) = f001; int library(void) { return f001(1); }\n");
    write_text("program.c", "int f002(int), library(void); int main(void)\n"
                            "{ return f002(2) == 1002 && f002(3) == 1003 && library() == 1001 ? 0 : 1; }\n");
    assert_int_equal(run("cc -shared -fPIC core.c -o core.so"), 0);
    assert_int_equal(run("cc -shared -fPIC library.c -o library.so -Wl,-z,now"), 0);
    assert_int_equal(run("cc program.c ./library.so ./stub.so -o program -Wl,-z,relro,-z,now"), 0);
    assert_int_equal(run("LD_PRELOAD=./stub.so:./core.so ./program"), 0);
    assert_int_not_equal(run("./program >program.txt 2>&1"), 0);
}

static void program_that_uses_nothing_runs_without_the_core(void **state)
{
    (void)state;
    make_file("alone.so", 8);
    assert_int_equal(run("LD_PRELOAD=./alone.so /bin/true >alone.txt 2>&1 && test ! -s alone.txt"), 0);
}

/* Every register that may carry an argument arrives, and the next calls go straight to the function. */
static void function_is_the_native_one_without_the_core(void **state)
{
    (void)state;
    if (run("cc --version >cc.txt 2>&1") != 0)
        skip();
    make_file("lone.so", 8);
    write_text(
        "native.c",
        "double f001(int a, int b, int c, int d, int e, int f, double s, double t, double u, double v, double w,\n"
        "            double x, double y, double z, int g)\n"
        "{ return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + s + 2 * t + 3 * u + 4 * v + 5 * w + 6 * x\n"
        "         + 7 * y + 8 * z; }\n"
        "int f002(const char *format, ...);\n"
        "#include <stdarg.h>\n"
        "int f002(const char *format, ...)\n"
        "{ va_list list; int sum; va_start(list, format); sum = va_arg(list, int) + (int)va_arg(list, double);\n"
        "  va_end(list); return sum; }\n");
    write_text("uses.c",
               "double f001(int, int, int, int, int, int, double, double, double, double, double, double, double, "
               "double, int);\n"
               "int f002(const char *, ...), f003(void);\n"
               "int main(int argc, char **argv) { int wrong = 0; (void)argv;\n"
               "for (int i = 0; i < 2; i++) { wrong += f001(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7, 8, 7) != 344;\n"
               "wrong += f002(\"\", 3, 4.0) != 7; }\n"
               "return argc > 1 ? f003() : wrong; }\n");
    assert_int_equal(run("cc -shared -fPIC native.c -o native.so"), 0);
    assert_int_equal(run("cc uses.c ./native.so -o uses ./lone.so"), 0);
    assert_int_equal(run("LD_PRELOAD=./lone.so ./uses 2>lines.txt"), 0);
    assert_int_equal(run("test $(wc -l <lines.txt) = 2 && grep -q 'libwinapi_preload.so is not loaded' lines.txt"), 0);
    assert_int_not_equal(run("(ulimit -c 0; LD_PRELOAD=./lone.so exec ./uses nobody) 2>lines.txt"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_what_both_loaders_want),
        cmocka_unit_test(strings_begin_where_the_symbols_end),
        cmocka_unit_test(same_catalog_gives_the_same_bytes),
        cmocka_unit_test(loader_finds_every_function),
        cmocka_unit_test(both_of_its_hash_tables_find_every_function),
        cmocka_unit_test(built_in_functions_are_left_out),
        cmocka_unit_test(stub_without_functions_loads),
        cmocka_unit_test(program_with_unresolved_symbols_runs_when_preloaded),
        cmocka_unit_test(program_that_uses_nothing_runs_without_the_core),
        cmocka_unit_test(function_is_the_native_one_without_the_core),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
