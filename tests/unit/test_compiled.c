/* Catalogs as bytes: spec/table/compiled_make.c and compiled_open.c. */
#include "spec/table/compiled.h"

#include "spec/base/file.h"
#include "spec/base/hash.h"
#include "spec/base/own.h"
#include "spec/table/catalog.h"
#include "spec/table/compiled_layout.h"
#include "spec/table/expression_tree.h"

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { CONTENTS = 42 };

static char path[] = "/tmp/test_compiled.XXXXXX";

static int make_path(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static const char *const spec_files[] = {
    WINAPI_SOURCE_DIR "/spec/winapi.json",
    WINAPI_SOURCE_DIR "/spec/zlib.json",
    WINAPI_SOURCE_DIR "/tests/fixtures/shapes.json",
};

static void read_catalog(struct catalog *catalog)
{
    struct diagnostics diagnostics = {0};

    *catalog = (struct catalog){0};
    for (size_t i = 0; i < COUNT_OF(spec_files); i++)
        assert_int_equal(catalog_read(catalog, spec_files[i], &diagnostics), 0);
    assert_true(catalog->row_count > 20);
}

static uint8_t *make_bytes(size_t *size)
{
    struct catalog catalog;
    uint8_t *bytes = NULL;

    read_catalog(&catalog);
    assert_int_equal(compiled_make(&catalog, CONTENTS, &bytes, size), 0);
    catalog_finish(&catalog);
    return bytes;
}

/* Maps and opens the bytes as a file.  A catalog that was opened is of no use here, and is given back. */
static int try_bytes(const uint8_t *bytes, size_t size)
{
    struct compiled compiled = {0};
    struct catalog catalog = {0};
    int error;

    assert_int_equal(file_replace(path, bytes, size, 0600), 0);
    error = compiled_map(&compiled, path, CONTENTS);
    if (!error)
        error = compiled_open(&compiled, &catalog);
    assert_null(compiled.base);
    assert_true(!error == !!catalog.tables);
    catalog_finish(&catalog);
    return error;
}

/* ---- what is alike ---- */

static void expect_text(const char *one, const char *other)
{
    if (one && other)
        assert_string_equal(one, other);
    else
        assert_ptr_equal(one, other);
}

static void expect_number(const struct expression *one, const struct expression *other)
{
    assert_true(!one == !other);
    if (one)
        assert_string_equal(expression_text(one), expression_text(other));
}

static void expect_parameter(const struct parameter *one, const struct parameter *other)
{
    expect_text(one->name, other->name);
    assert_string_equal(one->type->name, other->type->name);
    assert_int_equal(one->type->kind, other->type->kind);
    assert_int_equal(one->passing.direction, other->passing.direction);
    assert_int_equal(one->passing.nullable, other->passing.nullable);
    expect_number(one->passing.length, other->passing.length);
    expect_number(one->passing.capacity, other->passing.capacity);
    expect_number(one->passing.returned, other->passing.returned);
}

static void expect_row(const struct row *one, const struct row *other)
{
    AUTO_TEXT struct text mine = {0};
    AUTO_TEXT struct text theirs = {0};

    row_describe(one, &mine);
    row_describe(other, &theirs);
    assert_string_equal(mine.data, theirs.data);
    assert_string_equal(one->name, other->name);
    assert_string_equal(one->prototype, other->prototype);
    assert_string_equal(one->symbol, other->symbol);
    assert_string_equal(one->table->name, other->table->name);
    expect_text(one->library, other->library);
    assert_int_equal(one->parameter_count, other->parameter_count);
    assert_memory_equal(one->order, other->order, one->parameter_count);
    assert_memory_equal(&one->failure, &other->failure, sizeof(one->failure));
    assert_int_equal(one->index, other->index);
    assert_int_equal(one->family, other->family);
    assert_true(one->hash == other->hash);
    expect_parameter(&one->result, &other->result);
    for (size_t i = 0; i < one->parameter_count; i++)
        expect_parameter(&one->parameters[i], &other->parameters[i]);
}

static void expect_catalog(const struct catalog *one, const struct catalog *other)
{
    assert_int_equal(one->table_count, other->table_count);
    assert_int_equal(one->row_count, other->row_count);
    for (size_t i = 0; i < one->table_count; i++) {
        const struct table *mine = one->tables[i], *theirs = other->tables[i];

        expect_text(mine->path, theirs->path);
        expect_text(mine->library, theirs->library);
        assert_int_equal(mine->version, theirs->version);
        assert_true(mine->hash == theirs->hash);
        assert_int_equal(mine->row_count, theirs->row_count);
        for (size_t j = 0; j < mine->row_count; j++) {
            expect_row(&mine->rows[j], &theirs->rows[j]);
            assert_ptr_equal(table_find(theirs, mine->rows[j].name), &theirs->rows[j]);
        }
    }
    for (size_t i = 0; i < one->row_count; i++) {
        expect_text(one->by_name[i]->name, other->by_name[i]->name);
        assert_ptr_equal(catalog_find(other, one->by_name[i]->name), other->by_name[i]);
    }
}

/* What lies in the file. */
static void open_and_compare(const struct catalog *read)
{
    struct compiled compiled = {0};
    struct catalog opened = {0};

    assert_int_equal(compiled_map(&compiled, path, CONTENTS), 0);
    assert_int_equal(compiled_open(&compiled, &opened), 0);
    expect_catalog(read, &opened);
    catalog_finish(&opened);
}

static void write_and_compare(const struct catalog *read)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t size;

    assert_int_equal(compiled_make(read, CONTENTS, &bytes, &size), 0);
    assert_int_equal(file_replace(path, bytes, size, 0600), 0);
    open_and_compare(read);
}

static void catalog_comes_back_as_it_was(void **state)
{
    struct catalog read;

    (void)state;
    read_catalog(&read);
    write_and_compare(&read);
    catalog_finish(&read);
}

static void every_good_spec_file_comes_back(void **state)
{
    struct diagnostics diagnostics = {0};
    glob_t files;

    (void)state;
    assert_int_equal(glob(WINAPI_SOURCE_DIR "/tests/spec/good/*.json", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 4);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct catalog read = {0};

        assert_int_equal(catalog_read(&read, files.gl_pathv[i], &diagnostics), 0);
        write_and_compare(&read);
        catalog_finish(&read);
    }
    globfree(&files);
}

/* A tree as deep as an expression may have: each sign is another level. */
static void the_longest_size_comes_back(void **state)
{
    struct diagnostics diagnostics = {0};
    AUTO_TEXT struct text spec = {0};
    struct catalog read = {0};
    struct table *table;

    (void)state;
    text_add(&spec, "{\"table\": \"t\", \"version\": 1, \"library\": \"libt.so\", \"failure\": -1, \"functions\": ["
                    "{\"prototype\": \"int f(const void *data, long n)\", \"data\": {\"in\": {\"size\": \"n");
    for (int nodes = 3; nodes <= EXPRESSION_NODES_MOST; nodes += 2)
        text_add(&spec, " + n");
    text_add(&spec, "\"}}}]}");
    assert_int_equal(table_parse(&table, spec.data, spec.size, "long.json", &diagnostics), 0);
    assert_int_equal(catalog_add(&read, table, &diagnostics), 0);
    write_and_compare(&read);
    catalog_finish(&read);
}

/* What the address is that it was written for, from the header. */
static uint64_t base_of(const uint8_t *bytes)
{
    struct compiled_header header;

    memcpy(&header, bytes, sizeof(header));
    return header.base;
}

static void pointers_are_moved_where_the_address_is_taken(void **state)
{
    size_t size;
    AUTO_FREE uint8_t *bytes = make_bytes(&size);
    void *wanted = (void *)(uintptr_t)base_of(bytes); /* NOLINT: as the file says it */
    void *taken = mmap(wanted, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct catalog read;

    (void)state;
    assert_int_equal(file_replace(path, bytes, size, 0600), 0);
    read_catalog(&read);
    open_and_compare(&read);
    catalog_finish(&read);
    munmap(taken, size);
}

/* Two catalogs lie at different addresses: a pointer that was not turned into an offset would differ. */
static void same_spec_files_give_the_same_bytes(void **state)
{
    struct catalog one, other;
    AUTO_FREE uint8_t *mine = NULL;
    AUTO_FREE uint8_t *theirs = NULL;
    size_t size, other_size;

    (void)state;
    read_catalog(&one);
    read_catalog(&other);
    assert_int_equal(compiled_make(&one, CONTENTS, &mine, &size), 0);
    assert_int_equal(compiled_make(&other, CONTENTS, &theirs, &other_size), 0);
    assert_int_equal(size, other_size);
    assert_memory_equal(mine, theirs, size);
    catalog_finish(&one);
    catalog_finish(&other);
}

static void empty_catalog_comes_back(void **state)
{
    const struct catalog nothing = {0};
    struct compiled compiled = {0};
    struct catalog opened = {0};
    AUTO_FREE uint8_t *bytes = NULL;
    size_t size;

    (void)state;
    assert_int_equal(compiled_make(&nothing, CONTENTS, &bytes, &size), 0);
    assert_int_equal(file_replace(path, bytes, size, 0600), 0);
    assert_int_equal(compiled_map(&compiled, path, CONTENTS), 0);
    assert_int_equal(compiled_open(&compiled, &opened), 0);
    assert_int_equal(opened.row_count, 0);
    assert_null(catalog_find(&opened, "crc32"));
    catalog_finish(&opened);
}

/* ---- what is refused ---- */

static void every_damaged_byte_is_noticed(void **state)
{
    size_t size;
    AUTO_FREE uint8_t *bytes = make_bytes(&size);

    (void)state;
    for (size_t i = 0; i < size; i += i < 4 * sizeof(struct compiled_header) ? 1 : 97) {
        bytes[i] ^= 0x10;
        assert_int_not_equal(try_bytes(bytes, size), 0);
        bytes[i] ^= 0x10;
    }
    bytes[size - 1] ^= 1;
    assert_int_equal(try_bytes(bytes, size), -EBADMSG);
    bytes[size - 1] ^= 1;
    assert_int_equal(try_bytes(bytes, size), 0);
}

static void other_sizes_are_refused(void **state)
{
    size_t size;
    AUTO_FREE uint8_t *bytes = make_bytes(&size);
    AUTO_FREE uint8_t *longer = calloc(1, size + 4096);
    static const size_t short_sizes[] = {0, 1, sizeof(struct compiled_header) - 1, sizeof(struct compiled_header),
                                         4096};

    (void)state;
    assert_non_null(longer);
    memcpy(longer, bytes, size);
    for (size_t i = 0; i < COUNT_OF(short_sizes); i++)
        assert_int_equal(try_bytes(bytes, short_sizes[i]), -EBADMSG);
    assert_int_equal(try_bytes(bytes, size - 1), -EBADMSG);
    assert_int_equal(try_bytes(longer, size + 1), -EBADMSG);
    assert_int_equal(try_bytes(longer, size + 4096), -EBADMSG);
}

static void set_checksum(uint8_t *bytes, struct compiled_header *header)
{
    memcpy(bytes, header, sizeof(*header));
    header->checksum = hash_bytes(bytes + COMPILED_CHECKED_FROM, header->size - COMPILED_CHECKED_FROM, 0);
    memcpy(bytes, header, sizeof(*header));
}

/* All of it is right, but that other code has made it, or that it is of other contents. */
static void stale_ones_are_refused(void **state)
{
    size_t size;
    AUTO_FREE uint8_t *bytes = make_bytes(&size);
    struct compiled_header header;

    (void)state;
    memcpy(&header, bytes, sizeof(header));
    header.build++;
    set_checksum(bytes, &header);
    assert_int_equal(try_bytes(bytes, size), -ESTALE);
    header.build--;
    header.contents++;
    set_checksum(bytes, &header);
    assert_int_equal(try_bytes(bytes, size), -ESTALE);
    header.contents--;
    set_checksum(bytes, &header);
    assert_int_equal(try_bytes(bytes, size), 0);
}

/* Its checksum is right, and its offsets are not. */
static void offsets_beyond_the_end_are_refused(void **state)
{
    size_t size;
    AUTO_FREE uint8_t *bytes = make_bytes(&size);
    static const size_t members[] = {
        offsetof(struct compiled_header, words),   offsetof(struct compiled_header, marks),
        offsetof(struct compiled_header, tables),  offsetof(struct compiled_header, table_count),
        offsetof(struct compiled_header, by_name), offsetof(struct compiled_header, row_count),
    };
    static const uint64_t wrong[] = {UINT64_MAX, UINT64_MAX - 7, INT64_MAX, UINT64_C(1) << 61, UINT64_C(1) << 40};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(members); i++)
        for (size_t j = 0; j < COUNT_OF(wrong); j++) {
            struct compiled_header header, kept;

            memcpy(&kept, bytes, sizeof(kept));
            header = kept;
            memcpy((char *)&header + members[i], &wrong[j], sizeof(wrong[j]));
            set_checksum(bytes, &header);
            assert_int_equal(try_bytes(bytes, size), -EBADMSG);
            memcpy(bytes, &kept, sizeof(kept));
        }
}

/* Mapped elsewhere, each pointer is looked at before it is moved. */
static void pointers_beyond_the_end_are_refused(void **state)
{
    size_t size;
    AUTO_FREE uint8_t *bytes = make_bytes(&size);
    struct compiled_header header;
    uint64_t wrong;

    (void)state;
    memcpy(&header, bytes, sizeof(header));
    header.base = 0x1000; /* where nothing can be mapped */
    set_checksum(bytes, &header);
    assert_int_equal(try_bytes(bytes, size), -EBADMSG);
    memcpy(&wrong, bytes + header.tables, sizeof(wrong));
    assert_true(wrong > header.size); /* the pointers were not written for that address */
}

static void files_of_others_are_refused(void **state)
{
    size_t size;
    AUTO_FREE uint8_t *bytes = make_bytes(&size);
    struct compiled compiled = {0};

    (void)state;
    assert_int_equal(file_replace(path, bytes, size, 0600), 0);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(compiled_map(&compiled, path, CONTENTS), -EPERM);
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
        assert_int_equal(compiled_map(&compiled, path, CONTENTS), -EPERM);
    }
    assert_int_equal(compiled_map(&compiled, "/tmp", CONTENTS), -EISDIR);
    assert_int_equal(compiled_map(&compiled, "/nonexistent/tables", CONTENTS), -ENOENT);
    assert_int_equal(compiled_map(&compiled, "/dev/null", CONTENTS), -EINVAL);
    assert_null(compiled.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catalog_comes_back_as_it_was),
        cmocka_unit_test(every_good_spec_file_comes_back),
        cmocka_unit_test(the_longest_size_comes_back),
        cmocka_unit_test(pointers_are_moved_where_the_address_is_taken),
        cmocka_unit_test(same_spec_files_give_the_same_bytes),
        cmocka_unit_test(empty_catalog_comes_back),
        cmocka_unit_test(every_damaged_byte_is_noticed),
        cmocka_unit_test(other_sizes_are_refused),
        cmocka_unit_test(stale_ones_are_refused),
        cmocka_unit_test(offsets_beyond_the_end_are_refused),
        cmocka_unit_test(pointers_beyond_the_end_are_refused),
        cmocka_unit_test(files_of_others_are_refused),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
