/* WINAPI_ROUTE: "crc32=native,winapi_*=compare" gives single functions their mode. */
#ifndef WINAPI_PRELOAD_ROUTE_H
#define WINAPI_PRELOAD_ROUTE_H

struct core;

/*
 * Sets the mode of each binding from WINAPI_MODE and WINAPI_ROUTE; a later entry counts over an earlier one.  A family
 * (functions that share a handle type) must end up in one mode: one that would be split keeps WINAPI_MODE, and a line
 * says so.
 */
void route_apply(struct core *core);

#endif
