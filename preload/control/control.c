/*
 * Wishes become modes.
 *
 * What may call malloc or ask the dynamic loader (looking for native functions) is done before gate_lock() is taken.
 * A wish is taken out of control memory by an exchange, so a later one of the command's is never lost.
 */
#include "preload/control/control.h"

#include "preload/control/control_memory.h"
#include "preload/control/session_note.h"
#include "preload/fork.h"
#include "spec/base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static uint32_t no_epoch = 1;
uint32_t *winapi_control_epoch = &no_epoch;
_Alignas(CONTROL_PAGE) uint32_t winapi_control_seen[CONTROL_PAGE / sizeof(uint32_t)]; /* a page, to be wiped */

static struct {
    struct core *core;
    struct control_memory memory;
    _Atomic bool is_there; /* the memory is */
    struct gate *gates;
    uint32_t *sought; /* of each function: the epoch for which its native twin was looked for */
    uint32_t gate_count;
} control;

/* ---- families ---- */

static bool closes_handles(const struct row *row)
{
    for (size_t i = 0; i < row->parameter_count; i++)
        if (row->parameters[i].passing.closes)
            return true;
    return false;
}

/* The families of a table are numbered as its rows come, so each new one is the next gate. */
static void join_gate(struct binding *binding, uint32_t gate)
{
    binding->gate = &control.gates[gate];
    if (gate >= control.gate_count) {
        control.gate_count = gate + 1;
        gate_init(binding->gate, atomic_load(&binding->mode));
    }
    binding->gives = given_handles_of(binding->row);
    binding->closes = closes_handles(binding->row);
}

static void join_gates(struct core *core)
{
    size_t index = 0;

    for (size_t t = 0; t < core->catalog.table_count; t++) {
        uint32_t first = control.gate_count;

        for (size_t r = 0; r < core->catalog.tables[t]->row_count; r++, index++)
            if (core->bindings[index].row->family)
                join_gate(&core->bindings[index], first + core->bindings[index].row->family - 1);
    }
}

/* Without memory for it everything stays in the mode that it starts in. */
static int make_gates(struct core *core)
{
    size_t count = core->catalog.row_count + 1;
    char *memory = mmap(NULL, count * (sizeof(struct gate) + sizeof(*control.sought)), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return -ENOMEM;
    control.gates = (struct gate *)(void *)memory;
    control.sought = (uint32_t *)(void *)(control.gates + count);
    control.gate_count = 0;
    join_gates(core);
    return 0;
}

/* ---- showing ---- */

static void show_function(size_t index)
{
    const struct binding *binding = &control.core->bindings[index];

    __atomic_store_n(&control.memory.functions[index].mode, (uint32_t)binding_mode(binding), __ATOMIC_RELAXED);
}

static void show_all(void)
{
    for (size_t i = 0; i < control.memory.function_count; i++) {
        struct binding *binding = &control.core->bindings[i];
        struct control_function *shown = &control.memory.functions[i];

        show_function(i);
        shown->family = binding->gate ? (uint32_t)(binding->gate - control.gates) + 1 : 0;
        shown->is_direct = binding->is_direct;
        atomic_store(&binding->is_direct_shown, &shown->is_direct);
    }
    for (size_t i = 0; i < control.gate_count; i++) {
        struct gate *gate = &control.gates[i];

        gate_show_objects(gate, &control.memory.families[i].objects);
        control.memory.families[i].answer = gate_is_pending(gate) ? CONTROL_PENDING : CONTROL_DONE;
    }
}

/* The magic comes last: until then the command takes it for nothing. */
static int make_memory(struct core *core)
{
    int error = control_memory_make(&control.memory, core, control.gate_count);

    if (error)
        return error;
    show_all();
    session_note_show(&control.memory.header->session);
    __atomic_store_n(&control.memory.header->applied, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&control.memory.header->epoch, 1, __ATOMIC_RELEASE);
    memcpy(control.memory.header->magic, CONTROL_MAGIC, sizeof(control.memory.header->magic));
    return 0;
}

/* ---- fork ---- */

/* In the child.  The memory is still the parent's, and is only looked at: the next call makes our own. */
static void start_over(void)
{
    gates_start_over();
    control_memory_start_over();
    session_note_forget();
    session_note_show(NULL);
    for (size_t i = 0; i < control.gate_count; i++) {
        gate_show_objects(&control.gates[i], NULL);
        gate_start_over(&control.gates[i]);
    }
    __atomic_store_n(&winapi_control_seen[0], 0, __ATOMIC_RELAXED);
}

static struct fork_part fork_part = {.start_over = start_over};

/* ---- start ---- */

/* Without gates, or without hearing of forks, nothing can be switched. */
void control_start(struct core *core)
{
    int error = make_gates(core);

    if (!error)
        error = fork_watch(&fork_part);
    if (error) {
        log_debug("winapi route and winapi stat cannot reach this process: %s", strerror(-error));
        __atomic_store_n(&winapi_control_seen[0], no_epoch, __ATOMIC_RELAXED);
        return;
    }
    control.core = core;
    if (madvise(winapi_control_seen, sizeof(winapi_control_seen), MADV_WIPEONFORK) < 0)
        log_debug("a child made without fork handlers shares its parent's routes: %s", strerror(errno));
}

/* Nothing of the parent's is looked at any more. */
static void go_without_memory(struct core *core)
{
    for (size_t i = 0; i < core->catalog.row_count; i++)
        atomic_store(&core->bindings[i].is_direct_shown, NULL);
    atomic_store(&control.is_there, false);
    __atomic_store_n(&winapi_control_epoch, &no_epoch, __ATOMIC_RELEASE);
    log_debug("winapi route and winapi stat cannot reach this process: no memory");
}

static bool has_begun(void)
{
    return __atomic_load_n(&winapi_control_seen[0], __ATOMIC_RELAXED) != 0;
}

/*
 * The first call, of a process or of a forked child; under gate_lock().  A child's families may switch now: what its
 * parent's host held is not its own.
 */
static void begin(struct core *core)
{
    if (make_memory(core)) {
        go_without_memory(core);
        return;
    }
    __atomic_store_n(&winapi_control_epoch, &control.memory.header->epoch, __ATOMIC_RELEASE);
    atomic_store(&control.is_there, true);
}

/* ---- wishes ---- */

static uint32_t look_at_wish(const uint32_t *wish)
{
    uint32_t value = __atomic_load_n(wish, __ATOMIC_RELAXED);

    return value <= MODE_COMPARE + 1 ? value : CONTROL_NO_WISH;
}

static uint32_t take_wish(uint32_t *wish)
{
    uint32_t value = look_at_wish(wish);

    /* What stands there now is not what was looked at: then the epoch has been raised, or soon is. */
    if (value && !__atomic_compare_exchange_n(wish, &value, CONTROL_NO_WISH, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return CONTROL_NO_WISH;
    return value;
}

static uint32_t *wish_of(const struct binding *binding)
{
    return binding->gate ? &control.memory.families[binding->gate - control.gates].wish
                         : &control.memory.functions[binding->index].wish;
}

static bool was_sought(size_t index, uint32_t epoch)
{
    return (int32_t)(__atomic_load_n(&control.sought[index], __ATOMIC_RELAXED) - epoch) >= 0;
}

/* Before the lock: native twins of what is to run native.  A thread that is late takes back no later one's word. */
static void seek_natives(struct core *core, uint32_t epoch)
{
    for (size_t i = 0; i < control.memory.function_count; i++) {
        uint32_t before = __atomic_load_n(&control.sought[i], __ATOMIC_RELAXED);

        if (look_at_wish(wish_of(&core->bindings[i])) != MODE_NATIVE + 1)
            continue;
        (void)binding_native(&core->bindings[i]);
        while ((int32_t)(epoch - before) > 0 && !__atomic_compare_exchange_n(&control.sought[i], &before, epoch, true,
                                                                             __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            continue;
    }
}

static void switch_function(struct core *core, size_t index, uint32_t epoch)
{
    struct binding *binding = &core->bindings[index];
    struct control_function *shown = &control.memory.functions[index];
    bool lacks_native = !atomic_load(&binding->native);
    uint32_t answer = CONTROL_DONE, wish;

    if (lacks_native && look_at_wish(&shown->wish) == MODE_NATIVE + 1 && !was_sought(index, epoch))
        return; /* it has come just now, and its epoch comes next */
    wish = take_wish(&shown->wish);
    if (wish == CONTROL_NO_WISH)
        return;
    if (wish == MODE_NATIVE + 1 && lacks_native) {
        answer = CONTROL_NO_NATIVE;
    } else if (wish - 1 != atomic_load(&binding->mode)) {
        atomic_store(&binding->mode, (enum mode)(wish - 1));
        binding_unbind(binding);
    }
    show_function(index);
    __atomic_store_n(&shown->answer, answer, __ATOMIC_RELAXED);
}

/* What is known of a family's members when it is to go elsewhere. */
struct members {
    bool were_sought, have_native, are_counted;
};

static struct members look_at_members(const struct core *core, const struct gate *gate, uint32_t epoch)
{
    struct members members = {.were_sought = true, .are_counted = true};

    for (size_t i = 0; i < control.memory.function_count; i++)
        if (core->bindings[i].gate == gate) {
            members.were_sought &= was_sought(i, epoch);
            members.have_native |= atomic_load(&core->bindings[i].native) != NULL;
            members.are_counted &= core->bindings[i].gives != GIVES_UNSEEN;
        }
    return members;
}

static void unbind_members(struct core *core, const struct gate *gate)
{
    for (size_t i = 0; i < core->catalog.row_count; i++)
        if (core->bindings[i].gate == gate)
            binding_unbind(&core->bindings[i]);
}

/* Under gate_lock().  Members that go direct come to the hook before the switch, which would not stop them. */
static void settle(struct core *core, struct gate *gate)
{
    gate_forget_dead(gate, session_note_salt());
    unbind_members(core, gate);
    (void)!gate_try_switch(gate);
    if (!atomic_load(&control.is_there))
        return;
    for (size_t i = 0; i < control.memory.function_count; i++)
        if (core->bindings[i].gate == gate)
            show_function(i);
    __atomic_store_n(&control.memory.families[gate - control.gates].answer,
                     gate_is_pending(gate) ? CONTROL_PENDING : CONTROL_DONE, __ATOMIC_RELAXED);
}

static void switch_family(struct core *core, struct gate *gate, uint32_t epoch)
{
    struct control_family *shown = &control.memory.families[gate - control.gates];
    uint32_t wish = look_at_wish(&shown->wish);
    struct members members;

    if (wish == CONTROL_NO_WISH)
        return;
    members = look_at_members(core, gate, epoch);
    if (wish == MODE_NATIVE + 1 && !members.were_sought)
        return;
    if (take_wish(&shown->wish) == CONTROL_NO_WISH)
        return;
    if (!members.are_counted || (wish == MODE_NATIVE + 1 && !members.have_native)) {
        __atomic_store_n(&shown->answer, members.are_counted ? CONTROL_NO_NATIVE : CONTROL_UNCOUNTED, __ATOMIC_RELAXED);
        return;
    }
    gate_wish(gate, (enum mode)(wish - 1));
    settle(core, gate);
}

static void see_to_wishes(struct core *core, uint32_t epoch)
{
    uint32_t seen = winapi_control_seen[0];

    for (size_t i = 0; i < control.memory.function_count; i++)
        if (!core->bindings[i].gate)
            switch_function(core, i, epoch);
    for (size_t i = 0; i < control.gate_count; i++)
        switch_family(core, &control.gates[i], epoch);
    if (seen == 0 || (int32_t)(epoch - seen) > 0 || __atomic_load_n(winapi_control_epoch, __ATOMIC_RELAXED) == epoch) {
        __atomic_store_n(&winapi_control_seen[0], epoch, __ATOMIC_RELEASE);
        __atomic_store_n(&control.memory.header->applied, epoch, __ATOMIC_RELEASE);
    }
}

static void settle_pending(struct core *core)
{
    for (size_t i = 0; i < control.gate_count; i++)
        if (gate_is_pending(&control.gates[i]))
            settle(core, &control.gates[i]);
}

/* Counterpart: the command's addition, after its wishes.  0 is no epoch, but somebody may have written it. */
static uint32_t read_epoch(void)
{
    uint32_t epoch = __atomic_load_n(winapi_control_epoch, __ATOMIC_ACQUIRE);

    if (epoch)
        return epoch;
    return __atomic_compare_exchange_n(winapi_control_epoch, &epoch, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
               ? 1
               : epoch;
}

static void begin_once(struct core *core)
{
    sigset_t before;

    gate_lock(&before);
    if (!has_begun()) {
        begin(core);
        settle_pending(core);
        __atomic_store_n(&winapi_control_seen[0], 1, __ATOMIC_RELEASE);
    }
    gate_unlock(&before);
}

static void follow(struct core *core)
{
    uint32_t epoch;
    sigset_t before;

    fork_check();
    begin_once(core);
    if (!atomic_load(&control.is_there))
        return;
    epoch = read_epoch();
    seek_natives(core, epoch);
    gate_lock(&before);
    see_to_wishes(core, epoch);
    gate_unlock(&before);
}

void control_follow_now(struct core *core)
{
    int kept_errno = errno;

    if (!control.core)
        return;
    core_enter();
    follow(core);
    core_leave();
    errno = kept_errno;
}

void control_settle(struct core *core, struct gate *gate)
{
    int kept_errno = errno;
    sigset_t before;

    core_enter();
    gate_lock(&before);
    if (gate_is_pending(gate))
        settle(core, gate);
    gate_unlock(&before);
    core_leave();
    errno = kept_errno;
}

/* ---- counts ---- */

struct control_counts *control_counts_of(const struct binding *binding, bool *is_own)
{
    if (!atomic_load_explicit(&control.is_there, memory_order_acquire))
        return NULL;
    return control_memory_counts(&control.memory, binding->index, is_own);
}
