/*
 * One list of all objects, sorted by a hash of the value, with ways into it.
 *
 * The list (M. Michael's of 2002): a link is one word, of who comes next and a number that grows with every change of
 * the word; so a compare-and-swap succeeds only where nothing was changed since the word was read, not even to and fro.
 * Places are never given back to the kernel, so an old link may be followed; whoever has read one looks once more at
 * the link that led there, and begins again when it has changed.  An object is removed in three steps: its life ends,
 * which is what counts and what one thread does; its link is marked, so that nothing can be put in behind it; the link
 * before it leads past it.  The last two are done by whoever comes by, and the last one frees the place.
 *
 * The ways in (O. Shalev and N. Shavit, "Split-ordered lists"): a bucket stands in the same list, before the objects
 * whose hashes begin with the bits of its number in reverse.  When there are twice as many, each old one stays where it
 * is, and a new one comes to stand in the middle of its objects.  A bucket is put in by the first that wants it; until
 * it is, the one that it will divide does.
 *
 * An object is put in behind all those of its hash.  So two that put in the same one change the same link, and the
 * second finds the first's.
 *
 * Orders: what a place holds is stored with release before a link or a life leads there, and loaded with acquire before
 * the link or the life is looked at again.
 */
#include "spec/base/live_objects.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* A link: bits 0-24 who comes next (0: nobody), bit 25 a mark, above them the number of changes. */
enum { ID_BITS = 25, CHANGES_SHIFT = ID_BITS + 1 };

#define ID_MASK   ((UINT64_C(1) << ID_BITS) - 1)
#define IS_OBJECT UINT64_C(1)              /* in an id: the object of the place above; else the bucket */
#define MARK      (UINT64_C(1) << ID_BITS) /* the object is being taken out; the bucket is not ready yet */

_Static_assert((uint64_t)LIVE_OBJECTS_MOST << 1 <= ID_MASK + 1, "an id has room for every place");

/* On its way through the list to where an object, or a bucket, is or belongs. */
struct seeker {
    struct live_objects *objects;
    uint64_t order, value;
    const char *class; /* NULL: a bucket is to be put in */
    size_t bucket;     /* where the way begins */
    _Atomic uint64_t *before;
    uint64_t link;         /* what was read there */
    struct live_view view; /* of what was found */
};

enum step { STEP_ON, STEP_AGAIN, STEP_FOUND, STEP_PAST };

/* ---- order ---- */

static uint64_t reversed(uint64_t bits)
{
    bits = (bits >> 1 & 0x5555555555555555) | (bits & 0x5555555555555555) << 1;
    bits = (bits >> 2 & 0x3333333333333333) | (bits & 0x3333333333333333) << 2;
    bits = (bits >> 4 & 0x0f0f0f0f0f0f0f0f) | (bits & 0x0f0f0f0f0f0f0f0f) << 4;
    return __builtin_bswap64(bits);
}

/* Odd, where those of buckets are even. */
static uint64_t order_of(uint64_t value)
{
    return value * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

/* ---- links ---- */

static uint64_t relinked(uint64_t link, uint64_t id)
{
    return ((link >> CHANGES_SHIFT) + 1) << CHANGES_SHIFT | id;
}

static bool change(_Atomic uint64_t *word, uint64_t from, uint64_t to)
{
    return atomic_compare_exchange_strong_explicit(word, &from, to, memory_order_acq_rel, memory_order_acquire);
}

static _Atomic uint64_t *bucket_link(const struct live_objects *objects, size_t bucket)
{
    return &live_objects_place(objects, bucket)->bucket;
}

static bool is_ready(const struct live_objects *objects, size_t bucket)
{
    uint64_t link = atomic_load_explicit(bucket_link(objects, bucket), memory_order_acquire);

    return link != 0 && !(link & MARK);
}

/* ---- the way ---- */

static void stand_at(struct seeker *seeker, _Atomic uint64_t *link)
{
    seeker->before = link;
    seeker->link = atomic_load_explicit(link, memory_order_acquire);
}

static void free_place(struct live_objects *objects, struct live_object *object, uint64_t life)
{
    atomic_store_explicit(&object->life, ((life >> LIFE_SHIFT) + 1) << LIFE_SHIFT | LIFE_NONE, memory_order_release);
    atomic_fetch_sub_explicit(&objects->taken, 1, memory_order_release);
}

static enum step take_out(struct seeker *seeker, struct live_object *object, uint64_t next, uint64_t life)
{
    uint64_t past = relinked(seeker->link, next & ID_MASK);

    if (!change(seeker->before, seeker->link, past))
        return STEP_AGAIN;
    seeker->link = past;
    free_place(seeker->objects, object, life);
    return STEP_ON;
}

static bool is_wanted(const struct seeker *seeker, const struct live_view *view)
{
    return seeker->value == view->value && seeker->class && strcmp(seeker->class, view->class) == 0;
}

/* The link is loaded before the life: a life that has ended stays so until the link has been changed. */
static enum step step_to_object(struct seeker *seeker, struct live_object *object, size_t place)
{
    uint64_t next = atomic_load_explicit(&object->next, memory_order_acquire);
    struct live_view view = {
        .place = place,
        .value = atomic_load_explicit(&object->value, memory_order_acquire),
        .class = atomic_load_explicit(&object->class, memory_order_acquire),
        .life = atomic_load_explicit(&object->life, memory_order_acquire),
    };

    if (atomic_load_explicit(seeker->before, memory_order_relaxed) != seeker->link)
        return STEP_AGAIN;
    if (next & MARK)
        return take_out(seeker, object, next, view.life);
    if ((view.life & LIFE_STATE) == LIFE_ENDED) {
        change(&object->next, next, relinked(next, next & ID_MASK) | MARK);
        return STEP_ON;
    }
    if (order_of(view.value) > seeker->order)
        return STEP_PAST;
    if (!is_wanted(seeker, &view)) {
        seeker->before = &object->next;
        seeker->link = next;
        return STEP_ON;
    }
    seeker->view = view;
    if ((view.life & LIFE_STATE) == LIFE_LIVE)
        return STEP_FOUND;
    change(&object->life, view.life, (view.life & ~LIFE_STATE) | LIFE_LIVE); /* it is in the list: so it lives */
    return STEP_ON;
}

static enum step step(struct seeker *seeker)
{
    uint64_t id = seeker->link & ID_MASK;
    size_t place = id >> 1;

    if (id == 0)
        return STEP_PAST;
    if (id & IS_OBJECT)
        return step_to_object(seeker, live_objects_place(seeker->objects, place), place);
    if (reversed(place) > seeker->order)
        return STEP_PAST;
    stand_at(seeker, bucket_link(seeker->objects, place)); /* buckets stay in the list for ever */
    return STEP_ON;
}

/* From where the seeker stands: whether it is there; if not, the seeker stands where it belongs. */
static bool seek_on(struct seeker *seeker)
{
    enum step last = step(seeker);

    while (last == STEP_ON || last == STEP_AGAIN) {
        if (last == STEP_AGAIN)
            stand_at(seeker, bucket_link(seeker->objects, seeker->bucket));
        last = step(seeker);
    }
    return last == STEP_FOUND;
}

static bool seek(struct seeker *seeker)
{
    stand_at(seeker, bucket_link(seeker->objects, seeker->bucket));
    return seek_on(seeker);
}

/* ---- buckets ---- */

/* The one that this one divides: without its highest bit. */
static size_t divided(size_t bucket)
{
    return bucket & ~((size_t)1 << (63 - __builtin_clzll(bucket)));
}

static size_t nearest_ready(const struct live_objects *objects, size_t bucket)
{
    while (!is_ready(objects, bucket))
        bucket = divided(bucket);
    return bucket;
}

/*
 * Puts the bucket into the list, unless another thread is at it.  The mark stays until it is there: nobody begins at a
 * bucket, and puts something in behind it, that is not in the list.  Who comes by way of the list may.
 */
static void make_ready(struct live_objects *objects, size_t bucket)
{
    _Atomic uint64_t *own = bucket_link(objects, bucket);
    struct seeker seeker = {.objects = objects, .order = reversed(bucket)};
    uint64_t link = MARK;

    if (!change(own, 0, link))
        return;
    seeker.bucket = nearest_ready(objects, divided(bucket));
    do {
        (void)seek(&seeker);
        link = relinked(link, seeker.link & ID_MASK) | MARK;
        atomic_store_explicit(own, link, memory_order_release);
    } while (!change(seeker.before, seeker.link, relinked(seeker.link, (uint64_t)bucket << 1)));
    change(own, link, link & ~MARK); /* whoever has changed it has taken the mark away */
}

/* There is room for one bucket at least. */
static struct seeker seeker_for(struct live_objects *objects, const char *class, uint64_t value)
{
    size_t capacity = atomic_load_explicit(&objects->capacity, memory_order_acquire);
    struct seeker seeker = {.objects = objects, .order = order_of(value), .value = value, .class = class};

    seeker.bucket = reversed(seeker.order) & (capacity - 1);
    if (!is_ready(objects, seeker.bucket)) {
        make_ready(objects, seeker.bucket);
        seeker.bucket = nearest_ready(objects, seeker.bucket);
    }
    return seeker;
}

/* ---- places ---- */

static bool is_unused(const struct live_objects *objects)
{
    return atomic_load_explicit(&objects->capacity, memory_order_acquire) == 0;
}

static size_t most_places(const struct live_objects *objects)
{
    return objects->most ? objects->most : LIVE_OBJECTS_MOST;
}

/* Twice as many places as there were; another thread may be faster.  Bucket 0 is where the list begins. */
static int grow(struct live_objects *objects, size_t capacity)
{
    size_t count = capacity ? capacity : LIVE_OBJECTS_FIRST;
    size_t number = capacity ? 64 - (size_t)__builtin_clzll(capacity / LIVE_OBJECTS_FIRST) : 0;
    struct live_object *none = NULL, *block;

    block = mmap(NULL, count * sizeof(*block), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return -ENOMEM;
    if (capacity == 0)
        atomic_store_explicit(&block->bucket, UINT64_C(1) << CHANGES_SHIFT, memory_order_relaxed);
    if (!atomic_compare_exchange_strong_explicit(&objects->blocks[number], &none, block, memory_order_acq_rel,
                                                 memory_order_acquire))
        munmap(block, count * sizeof(*block));
    atomic_compare_exchange_strong_explicit(&objects->capacity, &capacity, capacity + count, memory_order_acq_rel,
                                            memory_order_acquire);
    return 0;
}

static bool try_place(struct live_object *object)
{
    uint64_t life = atomic_load_explicit(&object->life, memory_order_acquire);

    return (life & LIFE_STATE) == LIFE_NONE && change(&object->life, life, life | LIFE_BEGINS);
}

/*
 * Places are taken in turns, and at least half of them are free as long as there may be more: so each is used again
 * late.  Who has counted itself in finds one: places are freed before they are counted out.
 */
static int take_place(struct live_objects *objects, size_t *place)
{
    size_t taken = atomic_fetch_add_explicit(&objects->taken, 1, memory_order_acquire) + 1;
    size_t capacity = atomic_load_explicit(&objects->capacity, memory_order_acquire);

    if (taken > capacity / 2 && capacity < most_places(objects) && grow(objects, capacity) == 0)
        capacity = atomic_load_explicit(&objects->capacity, memory_order_acquire);
    if (taken > capacity) {
        atomic_fetch_sub_explicit(&objects->taken, 1, memory_order_relaxed);
        return capacity < most_places(objects) ? -ENOMEM : -EMFILE;
    }
    do
        *place = atomic_fetch_add_explicit(&objects->turn, 1, memory_order_relaxed) & (capacity - 1);
    while (!try_place(live_objects_place(objects, *place)));
    return 0;
}

/* ---- objects ---- */

static void fill(struct live_object *object, const struct seeker *seeker)
{
    atomic_store_explicit(&object->value, seeker->value, memory_order_release);
    atomic_store_explicit(&object->class, seeker->class, memory_order_release);
}

static bool put_in(const struct seeker *seeker, struct live_object *object, size_t place)
{
    uint64_t link = atomic_load_explicit(&object->next, memory_order_relaxed);

    atomic_store_explicit(&object->next, relinked(link, seeker->link & ID_MASK), memory_order_release);
    return change(seeker->before, seeker->link, relinked(seeker->link, (uint64_t)place << 1 | IS_OBJECT));
}

/* Whoever meets it in the list sees to that as well. */
static void begin_life(struct live_object *object, struct live_view *view)
{
    change(&object->life, view->life, (view->life & ~LIFE_STATE) | LIFE_LIVE);
    view->life = (view->life & ~LIFE_STATE) | LIFE_LIVE;
}

static int take_filled(struct live_objects *objects, const struct seeker *seeker, struct live_view *view)
{
    struct live_object *object;
    int error = take_place(objects, &view->place);

    if (error)
        return error;
    object = live_objects_place(objects, view->place);
    view->life = atomic_load_explicit(&object->life, memory_order_relaxed);
    view->value = seeker->value;
    view->class = seeker->class;
    fill(object, seeker);
    return 0;
}

/* Another thread may put the same one in meanwhile: then the place was taken in vain. */
static int add_at(struct seeker *seeker, struct live_view *view)
{
    struct live_object *object;
    int error = take_filled(seeker->objects, seeker, view);

    if (error)
        return error;
    object = live_objects_place(seeker->objects, view->place);
    do {
        if (put_in(seeker, object, view->place)) {
            begin_life(object, view);
            return 1;
        }
    } while (!seek(seeker));
    free_place(seeker->objects, object, view->life);
    *view = seeker->view;
    return 0;
}

int live_objects_add(struct live_objects *objects, const char *class, uint64_t value, struct live_view *view)
{
    struct seeker seeker;

    if (is_unused(objects) && grow(objects, 0))
        return -ENOMEM;
    seeker = seeker_for(objects, class, value);
    if (!seek(&seeker))
        return add_at(&seeker, view);
    *view = seeker.view;
    return 0;
}

static bool end_life(struct live_objects *objects, const struct live_view *view)
{
    return change(&live_objects_place(objects, view->place)->life, view->life, (view->life & ~LIFE_STATE) | LIFE_ENDED);
}

bool live_objects_end(struct live_objects *objects, const struct live_view *view)
{
    struct seeker seeker;

    if (!end_life(objects, view))
        return false;
    seeker = seeker_for(objects, view->class, view->value);
    (void)seek(&seeker); /* takes it out */
    return true;
}

bool live_objects_remove(struct live_objects *objects, const char *class, uint64_t value)
{
    struct seeker seeker;

    if (is_unused(objects))
        return false;
    seeker = seeker_for(objects, class, value);
    if (!seek(&seeker) || !end_life(objects, &seeker.view))
        return false;
    (void)seek_on(&seeker);
    return true;
}

size_t live_objects_sweep(struct live_objects *objects, bool (*is_gone)(uint64_t value, const void *context),
                          const void *context)
{
    size_t capacity = atomic_load_explicit(&objects->capacity, memory_order_acquire);
    struct live_view view;
    size_t swept = 0;

    for (size_t place = 0; place < capacity; place++)
        if (live_objects_at(objects, place, &view) && is_gone(view.value, context))
            swept += live_objects_end(objects, &view);
    return swept;
}

/* What a thread that is there no more had just put in lives. */
static bool is_live(struct live_object *object)
{
    uint64_t life = atomic_load_explicit(&object->life, memory_order_relaxed);

    if ((life & LIFE_STATE) == LIFE_BEGINS)
        change(&object->life, life, (life & ~LIFE_STATE) | LIFE_LIVE);
    return (life & LIFE_STATE) != LIFE_ENDED;
}

size_t live_objects_count(struct live_objects *objects)
{
    uint64_t id =
        is_unused(objects) ? 0 : atomic_load_explicit(bucket_link(objects, 0), memory_order_acquire) & ID_MASK;
    size_t count = 0;

    while (id) {
        struct live_object *object = live_objects_place(objects, id >> 1);
        count += id & IS_OBJECT && is_live(object);
        id = atomic_load_explicit(id & IS_OBJECT ? &object->next : &object->bucket, memory_order_acquire) & ID_MASK;
    }
    return count;
}

void live_objects_finish(struct live_objects *objects)
{
    size_t count = LIVE_OBJECTS_FIRST;

    for (size_t i = 0; i < LIVE_OBJECTS_BLOCKS; i++) {
        struct live_object *block = atomic_load(&objects->blocks[i]);

        if (block)
            munmap(block, count * sizeof(*block));
        count = i ? count * 2 : count;
    }
    memset(objects, 0, sizeof(*objects));
}
