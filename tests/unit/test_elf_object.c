/* preload/loader/elf_object.c.  It is linked into this program, so this program is the object that counts as ours. */
#include "preload/loader/elf_object.h"

#include "preload/stub/elf_hash.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/auxv.h>

#include <cmocka.h>

static void function_of_libc_is_found(void **state)
{
    (void)state;
    assert_non_null(elf_find_native("getppid"));
    assert_ptr_equal(elf_find_native("getppid"), dlsym(RTLD_DEFAULT, "getppid"));
}

static void name_that_nobody_defines_is_not_found(void **state)
{
    (void)state;
    assert_null(elf_find_native("winapi_no_such_function"));
    assert_null(elf_find_native(""));
}

static void indirect_function_is_resolved(void **state)
{
    size_t (*length)(const char *) = (size_t(*)(const char *))elf_find_native("strlen");

    (void)state;
    assert_non_null(length);
    assert_int_equal(length("four"), 4);
}

static void old_version_of_a_function_is_skipped(void **state)
{
    (void)state;
    assert_ptr_equal(elf_find_native("pthread_cond_wait"), dlsym(RTLD_DEFAULT, "pthread_cond_wait"));
}

static void data_is_found_too(void **state)
{
    const struct in6_addr *found = elf_find_native("in6addr_any");

    (void)state;
    assert_non_null(found);
    assert_memory_equal(found, &(struct in6_addr){0}, sizeof(*found));
}

/* A wrapper in the program, as the loader binds it everywhere.  Whoever walks through it finds nothing. */
int dl_iterate_phdr(int (*visit)(struct dl_phdr_info *info, size_t size, void *context), void *context)
{
    (void)visit, (void)context;
    return 0;
}

static int count_object(const struct elf_object *object, void *count)
{
    (void)object;
    ++*(size_t *)count;
    return 0;
}

static void wrapper_of_the_walk_is_passed_by(void **state)
{
    size_t count = 0;

    (void)state;
    assert_int_equal(elf_object_each(count_object, &count), 0);
    assert_true(count >= 2);
}

static int check_first(const struct elf_object *object, void *context)
{
    (void)context;
    assert_string_equal(object->path, "");
    assert_true(elf_object_has_address(object, (const void *)check_first));
    assert_true(elf_object_is_ours(object));
    return 7;
}

static void program_comes_first_and_the_walk_stops_when_told(void **state)
{
    (void)state;
    assert_int_equal(elf_object_each(check_first, NULL), 7);
}

static int check_not_vdso(const struct elf_object *object, void *context)
{
    (void)context;
    assert_false(elf_object_has_address(object, (const void *)getauxval(AT_SYSINFO_EHDR)));
    return 0;
}

static void vdso_is_left_out(void **state)
{
    (void)state;
    assert_int_equal(elf_object_each(check_not_vdso, NULL), 0);
}

static void address_behind_us_is_in_another_object(void **state)
{
    (void)state;
    assert_true(elf_address_is_behind_us(elf_find_native("getppid")));
    assert_false(elf_address_is_behind_us((const void *)check_first));
    assert_false(elf_address_is_behind_us(NULL));
    assert_false(elf_address_is_behind_us(state));
}

static void address_is_loaded_in_any_object(void **state)
{
    (void)state;
    assert_true(elf_address_is_loaded((const void *)check_first));
    assert_true(elf_address_is_loaded(elf_find_native("getppid")));
    assert_false(elf_address_is_loaded(NULL));
    assert_false(elf_address_is_loaded(state));
}

/* An object in a piece of memory, with one symbol "f" that both hash tables know. */
struct fake {
    Elf64_Sym symbols[2];
    uint32_t sysv[2 + 1 + 2];
    struct {
        uint32_t header[4];
        uint64_t bloom;
        uint32_t bucket, chain;
    } gnu;
    uint16_t versions[2];
    char strings[4];
    char code[16];
};

static struct elf_object fake_object(struct fake *fake, bool has_gnu)
{
    struct elf_object object = {.path = "", .base = (uintptr_t)fake, .lowest = (uintptr_t)fake};

    *fake = (struct fake){
        .symbols = {{0}, {1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), STV_DEFAULT, 1, offsetof(struct fake, code), 16}},
        .sysv = {1, 2, 1, 0, 0},
        .gnu = {{1, 1, 1, 6}, UINT64_MAX, 1, elf_hash_gnu("f") | 1},
        .strings = "\0f",
    };
    object.highest = (uintptr_t)(fake + 1);
    object.symbols = fake->symbols;
    object.strings = fake->strings;
    if (has_gnu)
        object.gnu_hash = fake->gnu.header;
    else
        object.sysv_hash = fake->sysv;
    return object;
}

static void both_hash_tables_lead_to_the_symbol(void **state)
{
    struct fake fake;

    (void)state;
    for (int has_gnu = 0; has_gnu <= 1; has_gnu++) {
        struct elf_object object = fake_object(&fake, has_gnu);

        assert_ptr_equal(elf_object_find(&object, "f"), fake.code);
        assert_null(elf_object_find(&object, "g"));
        object.strings = NULL;
        assert_null(elf_object_find(&object, "f"));
    }
}

static void symbol_that_is_not_exported_is_not_found(void **state)
{
    struct fake fake;
    struct elf_object object = fake_object(&fake, true);

    (void)state;
    fake.symbols[1].st_shndx = SHN_UNDEF;
    assert_null(elf_object_find(&object, "f"));

    object = fake_object(&fake, true);
    fake.symbols[1].st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC);
    assert_null(elf_object_find(&object, "f"));

    object = fake_object(&fake, true);
    object.versions = fake.versions;
    assert_non_null(elf_object_find(&object, "f"));
    fake.versions[1] = 0x8002;
    assert_null(elf_object_find(&object, "f"));
}

static void tables_that_promise_too_much_are_not_followed(void **state)
{
    struct fake fake;
    struct elf_object object = fake_object(&fake, true);

    (void)state;
    fake.gnu.header[0] = fake.gnu.header[2] = UINT32_MAX;
    assert_null(elf_object_find(&object, "f"));
    object = fake_object(&fake, true);
    fake.gnu.bucket = UINT32_MAX;
    assert_null(elf_object_find(&object, "f"));
    object = fake_object(&fake, true);
    fake.symbols[1].st_name = UINT32_MAX;
    assert_null(elf_object_find(&object, "f"));

    object = fake_object(&fake, false);
    fake.sysv[0] = fake.sysv[1] = UINT32_MAX;
    assert_null(elf_object_find(&object, "f"));
    object = fake_object(&fake, false);
    fake.sysv[2] = 2;
    assert_null(elf_object_find(&object, "f"));
}

static void chain_that_goes_in_a_circle_ends(void **state)
{
    struct fake fake;
    struct elf_object object = fake_object(&fake, false);

    (void)state;
    fake.sysv[4] = 1;
    assert_null(elf_object_find(&object, "g"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(function_of_libc_is_found),
        cmocka_unit_test(name_that_nobody_defines_is_not_found),
        cmocka_unit_test(indirect_function_is_resolved),
        cmocka_unit_test(old_version_of_a_function_is_skipped),
        cmocka_unit_test(data_is_found_too),
        cmocka_unit_test(wrapper_of_the_walk_is_passed_by),
        cmocka_unit_test(program_comes_first_and_the_walk_stops_when_told),
        cmocka_unit_test(vdso_is_left_out),
        cmocka_unit_test(address_behind_us_is_in_another_object),
        cmocka_unit_test(address_is_loaded_in_any_object),
        cmocka_unit_test(both_hash_tables_lead_to_the_symbol),
        cmocka_unit_test(symbol_that_is_not_exported_is_not_found),
        cmocka_unit_test(tables_that_promise_too_much_are_not_followed),
        cmocka_unit_test(chain_that_goes_in_a_circle_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
