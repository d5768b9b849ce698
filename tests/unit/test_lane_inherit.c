/*
 * Forks from a signal handler in the midst of a call, at each of its instructions: the processor's single steps are the
 * signals.  The child returns to the call, checks what comes of it, and ends; the parent's call goes on as if nothing
 * had been.
 */
#include "tests/unit/lane_ends.h"

#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

enum {
    TRAP_FLAG = 0x100,
    CHILD_SECONDS = 20, /* a child that hangs is ended */
    FORKS = 100,        /* in one call; then it is made again for its later steps */
    STEPS_MOST = 2000,
#ifdef __SANITIZE_ADDRESS__
    STRIDE = 41,
#else
    STRIDE = 1,
#endif
    SILENT_MS = 300,
};

/* How a child ends: what was right, and else. */
enum verdict { HANDED_OVER, NOT_HANDED_OVER, WRONG };

static struct {
    struct pair *pair;
    uint32_t step, from, forks;
    bool is_child, was_handed_over;
    uint32_t sequence, filled; /* at the fork, exactly: the handler has interrupted who could change them */
    uint32_t wrong;
} trap;

static void take_verdict(pid_t child)
{
    int status = -1;
    bool is_handed_over;

    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) >= WRONG) {
        trap.wrong++;
        return;
    }
    is_handed_over = WEXITSTATUS(status) == HANDED_OVER;
    trap.wrong += trap.was_handed_over && !is_handed_over;
    trap.was_handed_over = is_handed_over;
}

static void fork_here(void)
{
    struct lane *lane = &trap.pair->guest;
    pid_t child;

    if (lane->medium == MEDIUM_MEMORY)
        trap.sequence = atomic_load(lane_sequence(lane->out));
    if (lane->ring.filled != NULL)
        trap.filled = atomic_load(lane->ring.filled);
    trap.forks++;
    child = fork();
    if (child != 0) {
        take_verdict(child);
        return;
    }
    trap.is_child = true;
    alarm(CHILD_SECONDS);
    lane_inherit(lane);
}

static void take_step(int number, siginfo_t *info, void *interrupted)
{
    ucontext_t *context = interrupted;
    int kept_errno = errno;

    (void)number;
    (void)info;
    trap.step++;
    if (trap.step >= trap.from && trap.step < trap.from + FORKS * STRIDE && trap.step % STRIDE == 0)
        fork_here();
    if (trap.is_child)
        context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    errno = kept_errno;
}

/* Clear of what a leaf function has below its stack pointer. */
static inline __attribute__((always_inline)) void begin_steps(void)
{
    trap.step = 0;
    trap.was_handed_over = false;
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp"
                     :
                     :
                     : "memory", "cc");
}

static inline __attribute__((always_inline)) void end_steps(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp"
                     :
                     :
                     : "memory", "cc");
}

static void begin(struct pair *pair, enum medium medium)
{
    struct sigaction action = {.sa_sigaction = take_step, .sa_flags = SA_SIGINFO};
    bool sent;

    memset(&trap, 0, sizeof(trap));
    trap.pair = pair;
    atomic_store(&noted.count, 0);
    pair_start(pair, medium);
    assert_int_equal(lane_ring_open(&pair->guest), 0);
    assert_int_equal(pair_call(pair, ECHO, clock_deadline_ns(20000), &sent), 0);
    assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
}

static void finish(struct pair *pair)
{
    signal(SIGTRAP, SIG_DFL);
    pair_finish(pair);
    assert_int_equal(trap.wrong, 0);
    assert_true(trap.forks > (STRIDE == 1 ? 200 : 10));
}

/* ---- calls that are waited for ---- */

static enum verdict judge_exchange(int rc, bool sent, uint32_t sent_before)
{
    const struct lane *lane = &trap.pair->guest;
    bool was_handed_over = trap.sequence != sent_before;

    if (rc == 0)
        return sent ? HANDED_OVER : WRONG;
    if (rc != -ESTALE || (lane->medium == MEDIUM_MEMORY && sent != was_handed_over))
        return WRONG;
    return sent ? HANDED_OVER : NOT_HANDED_OVER;
}

static void exchange_in_steps(struct pair *pair, uint32_t number)
{
    uint64_t deadline_ns = clock_deadline_ns(60000);
    struct frame *request = lane_request(&pair->guest);
    uint32_t sent_before = pair->guest.sent;
    bool sent = false;
    int rc;

    frame_start(request, FRAME_CALL, number, ECHO);
    request->header.inline_size = sizeof(number);
    memcpy(request->body, &number, sizeof(number));
    begin_steps();
    rc = lane_exchange(&pair->guest, deadline_ns, &sent);
    end_steps();
    if (trap.is_child)
        _exit((int)judge_exchange(rc, sent, sent_before));
    assert_int_equal(rc, 0);
    assert_memory_equal(pair->guest.reply.body, &number, sizeof(number));
}

static void check_an_exchange_may_be_forked_in_anywhere(enum medium medium)
{
    struct pair pair;

    begin(&pair, medium);
    for (trap.from = 1; trap.from < STEPS_MOST; trap.from += FORKS * STRIDE) {
        exchange_in_steps(&pair, trap.from);
        if (trap.step < trap.from)
            break;
    }
    finish(&pair);
}

static void an_exchange_may_be_forked_in_anywhere(void **state)
{
    (void)state;
    check_an_exchange_may_be_forked_in_anywhere(MEDIUM_MEMORY);
    check_an_exchange_may_be_forked_in_anywhere(MEDIUM_SOCKET);
}

static void fork_once(int number)
{
    (void)number;
    fork_here();
}

/* The host does not answer. */
static void check_a_wait_may_be_forked_in(enum medium medium, int flags)
{
    struct sigaction action = {.sa_handler = fork_once, .sa_flags = flags};
    struct itimerval soon = {.it_value = {.tv_usec = SILENT_MS * 1000 / 3}};
    struct pair pair;
    bool sent;
    int rc;

    begin(&pair, medium);
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    rc = pair_call(&pair, SILENT, clock_deadline_ns(SILENT_MS), &sent);
    if (trap.is_child)
        _exit(rc == -ESTALE && sent ? HANDED_OVER : WRONG);
    assert_int_equal(rc, -ETIMEDOUT);
    assert_int_equal(trap.forks, 1);
    signal(SIGALRM, SIG_DFL);
    signal(SIGTRAP, SIG_DFL);
    pair_finish(&pair);
    assert_int_equal(trap.wrong, 0);
}

static void a_wait_may_be_forked_in(void **state)
{
    (void)state;
    check_a_wait_may_be_forked_in(MEDIUM_MEMORY, 0);
    check_a_wait_may_be_forked_in(MEDIUM_MEMORY, SA_RESTART);
    check_a_wait_may_be_forked_in(MEDIUM_SOCKET, 0);
    check_a_wait_may_be_forked_in(MEDIUM_SOCKET, SA_RESTART);
}

/* ---- calls that nobody waits for ---- */

static enum verdict judge_post(int rc, uint32_t filled_before)
{
    const struct lane *lane = &trap.pair->guest;
    bool is_at_start = trap.filled % RING_UNITS == 0; /* the rest was skipped; no call ends there */
    bool was_handed_over = trap.filled != filled_before && !is_at_start;

    if (rc != 0 && rc != -ESTALE)
        return WRONG;
    if (lane->medium == MEDIUM_MEMORY && was_handed_over != (rc == 0))
        return WRONG;
    if (lane->medium == MEDIUM_MEMORY && !lane_is_settled(lane)) /* nobody is to wait for what is not made here */
        return WRONG;
    return rc == 0 ? HANDED_OVER : NOT_HANDED_OVER;
}

/* Sizes that leave parts of the ring unused at its end now and then. */
static void post_in_steps(struct pair *pair, uint32_t number)
{
    struct frame *request = lane_request(&pair->guest);
    uint64_t deadline_ns = clock_deadline_ns(60000);
    uint32_t filled_before = atomic_load(pair->guest.ring.filled);
    int rc;

    frame_start(request, FRAME_CALL, 1, NOTE);
    request->header.inline_size = 1700;
    memcpy(request->body, &number, sizeof(number));
    begin_steps();
    rc = lane_post(&pair->guest, deadline_ns);
    end_steps();
    if (trap.is_child)
        _exit((int)judge_post(rc, filled_before));
    assert_int_equal(rc, 0);
}

static void check_a_post_may_be_forked_in_anywhere(enum medium medium)
{
    struct pair pair;
    uint32_t number = 0;
    bool sent;

    begin(&pair, medium);
    for (trap.from = 1; trap.from < STEPS_MOST; trap.from += FORKS * STRIDE) {
        post_in_steps(&pair, number++);
        if (trap.step < trap.from)
            break;
    }
    trap.from = 1;
    for (int i = 0; medium == MEDIUM_MEMORY && i < 40; i++) { /* once around */
        trap.from = i % 4 * FORKS + 1;
        post_in_steps(&pair, number++);
    }
    assert_int_equal(pair_call(&pair, ECHO, clock_deadline_ns(20000), &sent), 0);
    assert_int_equal(atomic_load(&noted.count), number);
    for (uint32_t i = 0; i < number; i++)
        assert_int_equal(noted.numbers[i], i);
    finish(&pair);
}

static void a_post_may_be_forked_in_anywhere(void **state)
{
    (void)state;
    check_a_post_may_be_forked_in_anywhere(MEDIUM_MEMORY);
    check_a_post_may_be_forked_in_anywhere(MEDIUM_SOCKET);
}

/* The ring is full of slow calls, so that the thread waits for the host. */
static void a_wait_for_room_may_be_forked_in(void **state)
{
    struct sigaction action = {.sa_handler = fork_once};
    struct itimerval soon = {.it_value = {.tv_usec = 50000}};
    struct pair pair;
    uint32_t number, filled_before;
    int rc = 0;

    (void)state;
    begin(&pair, MEDIUM_MEMORY);
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    for (number = 0; rc == 0; number++) {
        struct frame *request = lane_request(&pair.guest);
        bool is_first = number == 0;

        frame_start(request, FRAME_CALL, 1, is_first ? SLOW : NOTE);
        request->header.inline_size = sizeof(number);
        memcpy(request->body, &number, sizeof(number));
        rc = lane_post(&pair.guest, 1);
    }
    assert_int_equal(rc, -ETIMEDOUT);
    number--;
    filled_before = atomic_load(pair.guest.ring.filled);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    rc = lane_post(&pair.guest, clock_deadline_ns(20000));
    if (trap.is_child)
        _exit(judge_post(rc, filled_before) == NOT_HANDED_OVER ? NOT_HANDED_OVER : WRONG);
    assert_int_equal(rc, 0);
    assert_int_equal(trap.forks, 1);
    signal(SIGALRM, SIG_DFL);
    signal(SIGTRAP, SIG_DFL);
    while (!lane_is_settled(&pair.guest))
        lane_nudge(&pair.guest);
    assert_int_equal(atomic_load(&noted.count), number + 1);
    pair_finish(&pair);
    assert_int_equal(trap.wrong, 0);
}

/* ---- what is the parent's ---- */

static void check_what_the_child_does_is_its_own(enum medium medium)
{
    struct pair pair;
    uint64_t offset;
    uint8_t *data;
    bool sent;
    int status;
    pid_t child;

    begin(&pair, medium);
    data = lane_reserve(&pair.guest, LARGE, &offset);
    assert_non_null(data);
    data[0] = data[LARGE - 1] = 1;
    child = fork();
    if (child == 0) {
        uint64_t other;
        uint8_t *own;

        lane_inherit(&pair.guest);
        lane_inherit(&pair.guest);
        data[0] = data[LARGE - 1] = 2;
        own = lane_reserve(&pair.guest, LARGE, &other);
        if (own == NULL)
            _exit(1);
        own[0] = own[LARGE - 1] = 3;
        if (pair_call(&pair, ECHO, clock_deadline_ns(20000), &sent) != -ESTALE || sent)
            _exit(2);
        lane_forget(&pair.guest);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(data[0], 1);
    assert_int_equal(data[LARGE - 1], 1);
    assert_int_equal(pair_call(&pair, ECHO, clock_deadline_ns(20000), &sent), 0);
    pair_finish(&pair);
}

static void what_the_child_does_is_its_own(void **state)
{
    (void)state;
    check_what_the_child_does_is_its_own(MEDIUM_MEMORY);
    check_what_the_child_does_is_its_own(MEDIUM_SOCKET);
}

static void payload_of_an_answer_is_not_sound_in_the_child(void **state)
{
    struct frame_buffer buffer = {.size = 1000, .flags = BUFFER_IN | BUFFER_OUT};
    struct pair pair;
    bool sent;
    int status;
    pid_t child;

    (void)state;
    begin(&pair, MEDIUM_MEMORY);
    assert_non_null(lane_reserve(&pair.guest, buffer.size, &buffer.offset));
    frame_start(lane_request(&pair.guest), FRAME_CALL, 1000, INVERT);
    pair.guest.request.header.buffer_count = 1;
    pair.guest.request.buffers[0] = buffer;
    assert_int_equal(lane_exchange(&pair.guest, clock_deadline_ns(20000), &sent), 0);
    assert_true(lane_payload_was_sound(&pair.guest));
    child = fork();
    if (child == 0) {
        lane_inherit(&pair.guest);
        _exit(lane_payload(&pair.guest, buffer.offset, buffer.size) == NULL || lane_payload_was_sound(&pair.guest));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    pair_finish(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_may_be_forked_in_anywhere),
        cmocka_unit_test(a_wait_may_be_forked_in),
        cmocka_unit_test(a_post_may_be_forked_in_anywhere),
        cmocka_unit_test(a_wait_for_room_may_be_forked_in),
        cmocka_unit_test(what_the_child_does_is_its_own),
        cmocka_unit_test(payload_of_an_answer_is_not_sound_in_the_child),
    };

#ifdef __SANITIZE_THREAD__
    return 77; /* it does not let a process with threads fork */
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
