/* Lost calls: the policy, the value, the line. */
#include "preload/lost.h"

#include "preload/core.h"
#include "preload/lane/lane_pool.h"
#include "spec/base/log.h"
#include "spec/call/value.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_EVERY_NS = 1000000000 };

static bool may_run_native(struct binding *binding, const struct loss *loss)
{
    const struct row *row = binding->row;

    return row->lost == LOST_NATIVE && row->family == 0 && (!loss->sent || row->idempotent) &&
           binding_native(binding) != NULL;
}

static void set_result(const struct row *row, void *result)
{
    const struct type *type = row->result.type;
    uint64_t value = (uint64_t)row->failure.value.integer;

    if (type->kind == TYPE_VOID)
        return;
    if (type->kind == TYPE_FLOATING && row->failure.is_given) {
        double usual = row->failure.value.floating;
        float small = (float)usual;
        long double wide = usual;

        memcpy(result,
               type->size == sizeof(float)    ? (void *)&small
               : type->size == sizeof(double) ? (void *)&usual
                                              : (void *)&wide,
               type->size);
        return;
    }
    if (type->kind == TYPE_STRUCT || type->kind == TYPE_FLOATING || value_store_result(type, result, value))
        memset(result, 0, type->size);
}

static const char *describe_outcome(const struct row *row, char *text, size_t room)
{
    if (row->result.type->kind == TYPE_VOID)
        return "nothing was done";
    if (!row->failure.is_given)
        return "returned 0, which its row does not declare as a failure";
    if (row->result.type->kind == TYPE_FLOATING)
        snprintf(text, room, "returned %g", row->failure.value.floating);
    else if (row->result.type->kind == TYPE_HANDLE || row->result.type->kind == TYPE_POINTER)
        snprintf(text, room, "returned %s", row->failure.value.integer ? "its failure value" : "NULL");
    else
        snprintf(text, room, "returned %lld", (long long)row->failure.value.integer);
    return text;
}

/* True once a second for each function, so that a loop without a host does not fill the terminal. */
static bool may_speak(struct binding *binding, uint64_t *silenced)
{
    uint64_t now = clock_now_ns();
    uint64_t until = atomic_load(&binding->silent_until_ns);

    if (now < until || !atomic_compare_exchange_strong(&binding->silent_until_ns, &until, now + LINE_EVERY_NS)) {
        atomic_fetch_add(&binding->silenced, 1);
        return false;
    }
    *silenced = atomic_exchange(&binding->silenced, 0);
    return true;
}

/* What happened, in words; `text` is room for them. */
static const char *describe_loss(const struct loss *loss, char *text, size_t room)
{
    *text = '\0';
    if (loss->unreached)
        lane_pool_explain(text, room);
    if (*text)
        return text;
    return loss->detail ? loss->detail : strerror(-loss->error);
}

static void say(struct binding *binding, const struct loss *loss, const char *outcome)
{
    char cause[ABSENCE_TEXT_MOST], before[48] = "";
    uint64_t silenced;

    if (!may_speak(binding, &silenced))
        return;
    if (silenced)
        snprintf(before, sizeof(before), " (and %llu calls before)", (unsigned long long)silenced);
    log_error("%s: %s%s%s; %s%s", binding->row->name, loss->part ? loss->part : "", loss->part ? ": " : "",
              describe_loss(loss, cause, sizeof(cause)), outcome, before);
}

/* The table author's choice.  The guard is left first: a handler of SIGABRT may well call us. */
_Noreturn static void end_program(const struct row *row, const struct loss *loss)
{
    char cause[ABSENCE_TEXT_MOST];

    log_error("%s: %s; the program is aborted, because its row says \"lost\": \"abort\"", row->name,
              describe_loss(loss, cause, sizeof(cause)));
    core_leave();
    abort();
}

void lost_answer(struct binding *binding, const struct loss *loss, void *result, void **arguments)
{
    const struct row *row = binding->row;
    int kept_errno = errno;
    char outcome[128];

    core_enter();
    if (may_run_native(binding, loss)) {
        say(binding, loss, "ran here instead");
        core_leave();
        errno = kept_errno;
        binding_call_native(binding, binding_native(binding), result, arguments);
        return;
    }
    if (row->lost == LOST_ABORT)
        end_program(row, loss);
    say(binding, loss, describe_outcome(row, outcome, sizeof(outcome)));
    set_result(row, result);
    core_leave();
    errno = row->failure.error_number ? row->failure.error_number : -loss->error;
}
