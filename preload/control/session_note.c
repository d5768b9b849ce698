/* One word that families ask for, and a copy for people. */
#include "preload/control/session_note.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static _Atomic uint32_t salt_plus_one;
static struct control_session noted;
static _Atomic(struct control_session *) shown_at;

static void show(struct control_session *shown)
{
    __atomic_store_n(&shown->medium, noted.medium, __ATOMIC_RELAXED);
    __atomic_store_n(&shown->lanes, noted.lanes, __ATOMIC_RELAXED);
    __atomic_store_n(&shown->is_connected, noted.is_connected, __ATOMIC_RELAXED);
    for (size_t i = 0; i < sizeof(noted.address); i++)
        __atomic_store_n(&shown->address[i], noted.address[i], __ATOMIC_RELAXED);
}

void session_note(bool is_connected, uint16_t salt, uint32_t lanes, uint32_t medium, const char *address)
{
    struct control_session *shown = atomic_load(&shown_at);

    atomic_store(&salt_plus_one, is_connected ? (uint32_t)salt + 1 : 0); /* counterpart: session_note_salt() */
    noted.is_connected = is_connected;
    noted.lanes = lanes;
    noted.medium = medium;
    if (address) {
        strncpy(noted.address, address, sizeof(noted.address) - 1);
        noted.address[sizeof(noted.address) - 1] = '\0';
    }
    if (shown)
        show(shown);
}

uint32_t session_note_salt(void)
{
    return atomic_load(&salt_plus_one);
}

void session_note_show(struct control_session *shown)
{
    if (shown)
        show(shown);
    atomic_store(&shown_at, shown);
}

void session_note_forget(void)
{
    atomic_store(&salt_plus_one, 0);
    noted = (struct control_session){0};
}
