/* Whether, and for which functions. */
#include "spec/call/entry_words.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

static ffi_type *word_types[ENTRY_WORDS_MOST] = {&ffi_type_uint64, &ffi_type_uint64, &ffi_type_uint64,
                                                 &ffi_type_uint64, &ffi_type_uint64, &ffi_type_uint64};

struct trial {
    ffi_go_closure closure;
    uint64_t seen[ENTRY_WORDS_MOST];
};

static void note_words(ffi_cif *cif, void *result, void **arguments, void *closure)
{
    struct trial *trial = closure;

    (void)cif;
    memcpy(trial->seen, arguments[0], sizeof(trial->seen));
    *(ffi_arg *)result = 0;
}

/* A call of six words, to something that is told of one. */
static bool try_words(void)
{
    uint64_t words[ENTRY_WORDS_MOST], result;
    void *arguments[ENTRY_WORDS_MOST];
    struct trial trial = {0};
    ffi_cif whole, entry;

    for (size_t i = 0; i < ENTRY_WORDS_MOST; i++) {
        words[i] = 0x0102030405060708 * (i + 1);
        arguments[i] = &words[i];
    }
    if (ffi_prep_cif(&whole, FFI_DEFAULT_ABI, ENTRY_WORDS_MOST, &ffi_type_uint64, word_types) != FFI_OK ||
        ffi_prep_cif(&entry, FFI_DEFAULT_ABI, 1, &ffi_type_uint64, word_types) != FFI_OK ||
        ffi_prep_go_closure(&trial.closure, &entry, note_words) != FFI_OK)
        return false;
    ffi_call_go(&whole, FFI_FN(trial.closure.tramp), &result, arguments, &trial.closure);
    return memcmp(trial.seen, words, sizeof(words)) == 0;
}

static bool are_in_a_row(void)
{
    enum { UNKNOWN, NO, YES };
    static _Atomic int known = UNKNOWN;

    if (atomic_load_explicit(&known, memory_order_relaxed) == UNKNOWN)
        atomic_store_explicit(&known, try_words() ? YES : NO, memory_order_relaxed);
    return atomic_load_explicit(&known, memory_order_relaxed) == YES;
}

static bool is_word(const struct type *type)
{
    return type->kind != TYPE_FLOATING && type->kind != TYPE_STRUCT && type->size <= sizeof(uint64_t);
}

static bool takes_words(const struct row *row)
{
    if (row->parameter_count < 2 || row->parameter_count > ENTRY_WORDS_MOST || row->result.type->kind == TYPE_STRUCT)
        return false;
    for (size_t i = 0; i < row->parameter_count; i++)
        if (!is_word(row->parameters[i].type))
            return false;
    return true;
}

void entry_words_prepare(struct plan *plan)
{
    if (!takes_words(plan->row) || !are_in_a_row() ||
        ffi_prep_cif(&plan->entry, FFI_DEFAULT_ABI, 1, plan->cif.rtype, word_types) != FFI_OK)
        plan->entry = plan->cif;
}
