/*
 * Control memory, as it lies there: docs/protocol.md, "Control memory".
 *
 * A memfd that each process under the library has for itself.  `winapi route PID` and `winapi stat PID` open it through
 * /proc/PID/fd; the program's side is preload/control/control.c.  Each end takes the other's bytes for hostile: the
 * library reads `epoch` and the functions' wishes and nothing else, the command copies everything out and checks the
 * copy.
 *
 * Words that change are read and written with __atomic builtins, each end's in cache lines of their own.
 */
#ifndef WINAPI_PRELOAD_CONTROL_CONTROL_LAYOUT_H
#define WINAPI_PRELOAD_CONTROL_CONTROL_LAYOUT_H

#include <stdint.h>

#define CONTROL_NAME  "winapi-control" /* of the memfd */
#define CONTROL_MAGIC "WINACTRL"

enum {
    CONTROL_VERSION = 1,
    CONTROL_PAGE = 4096,
    CONTROL_SHARDS = 16,   /* the first for all threads, the others for one each */
    CONTROL_BUCKETS = 248, /* of durations: call_counts.h */
    CONTROL_ADDRESS_MOST = 256,
    CONTROL_FUNCTIONS_MOST = 1 << 20,
};

/* What became of a function's last wish. */
enum control_answer {
    CONTROL_DONE,
    CONTROL_PENDING,   /* its family has live objects, or calls on their way */
    CONTROL_NO_NATIVE, /* refused: there is no native function of that name, in a family: of none of its names */
    CONTROL_UNCOUNTED, /* refused: the family has a function whose new handles cannot be seen */
    CONTROL_ANSWERS
};

enum { CONTROL_NO_WISH = 0 }; /* else enum mode, plus one */

/* Of the process's session with its host, as of the last time that one of its threads opened or gave up a lane. */
struct control_session {
    uint32_t is_connected;
    uint32_t medium; /* enum medium */
    uint32_t lanes;
    uint32_t unused;
    char address[CONTROL_ADDRESS_MOST]; /* NUL-terminated */
};

/* All offsets count from the start of the memory. */
struct control_header {
    char magic[8];
    uint32_t version;
    uint32_t pid; /* in the process's own pid namespace */
    uint32_t function_count, family_count, shard_count;
    uint32_t unused;
    uint64_t functions_offset; /* struct control_function, function_count of them */
    uint64_t families_offset;  /* struct control_family */
    uint64_t names_offset, names_size;
    uint64_t counts_offset; /* struct control_counts, [shard][function]; here the part without them ends */
    uint64_t size;          /* of the whole memory */
    uint8_t unused_too[48];
    uint32_t epoch; /* at 128; command: raised after each change of wishes; never 0 */
    uint8_t unused_there[60];
    uint32_t applied; /* at 192; program: the last epoch whose wishes it has seen to */
    uint8_t unused_here[60];
    struct control_session session; /* at 256 */
};

struct control_function {
    uint32_t name, table; /* in the names, NUL-terminated */
    uint32_t family;      /* number in the families, plus one; 0: none */
    uint32_t wish;        /* command: CONTROL_NO_WISH, or enum mode plus one; of no meaning in a family */
    uint32_t mode;        /* enum mode: where its calls go now */
    uint32_t answer;      /* enum control_answer; of no meaning in a family */
    uint32_t is_direct;   /* 1: calls go to the native function without passing us, and are not counted */
    uint32_t unused;
};

struct control_family {
    uint32_t wish;    /* command: as a function's */
    uint32_t answer;  /* enum control_answer */
    uint32_t objects; /* live ones */
    uint32_t unused;
};

struct control_counts {
    uint64_t errors;         /* lost, refused */
    uint64_t sent, received; /* bytes */
    uint64_t calls;          /* begun */
    uint64_t sleeps, wakes;  /* waits that slept, hosts that had to be woken */
    uint64_t unused[2];
    uint64_t took[CONTROL_BUCKETS]; /* calls by duration: of those that were timed, each with its weight */
};

_Static_assert(__builtin_offsetof(struct control_header, epoch) == 128, "the layout is documented");
_Static_assert(__builtin_offsetof(struct control_header, applied) == 192, "the layout is documented");
_Static_assert(__builtin_offsetof(struct control_header, session) == 256, "the layout is documented");
_Static_assert(sizeof(struct control_function) == 32, "no padding");
_Static_assert(sizeof(struct control_counts) == CONTROL_PAGE / 2, "two in a page");

#endif
