/*
 * What is known of the session with the host, for those who do not make it: families, whose objects end with it, and
 * control memory, which shows it.  Written by lane_pool.c.
 */
#ifndef WINAPI_PRELOAD_CONTROL_SESSION_NOTE_H
#define WINAPI_PRELOAD_CONTROL_SESSION_NOTE_H

#include "preload/control/control_layout.h"

#include <stdbool.h>
#include <stdint.h>

/* One at a time: the caller holds a lock.  `address` NULL: as before. */
void session_note(bool is_connected, uint16_t salt, uint32_t lanes, uint32_t medium, const char *address);

/* The process has a session and this is its salt, plus one; 0: it has none.  Any thread. */
uint32_t session_note_salt(void);

/* From now on it is noted there too; NULL: nowhere. */
void session_note_show(struct control_session *shown);

/* The session was the parent's. */
void session_note_forget(void);

#endif
