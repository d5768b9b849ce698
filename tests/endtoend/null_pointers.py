#!/usr/bin/env python3
"""NULL for a pointer whose row does not allow it: the declared failure and a line, whether the function would write,
change or read what is there; the program lives on, and nothing of it reaches the host.
"""
from lib_ways import *

MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
REFUSED = 'it is NULL, and its row does not say "nullable": true; returned -1'

for medium in MEDIA:
    host = WaysHost()
    result = winapi_run(WAYS, "null", "add:1:2", "length:0", host=host, WINAPI_TRANSPORT=medium)
    check(f"{medium}: the declared failure with EFAULT, and the next calls", result.lines[:3] == ["null -1 EFAULT"] * 3 and
          result.lines[4:] == ["add 3", "length -1"] and result.status == 0, result)
    check(f"{medium}: a line for each, with function and parameter", result.said[:3] == [
        f"ways_corner: corner: {REFUSED}", f"ways_upper: text: {REFUSED}", f"ways_distance: point: {REFUSED}"], result)
    counts = {row["name"]: row["calls"] for row in host.stat()["functions"] if row["calls"]}
    check(f"{medium}: the host has run only what may be NULL, or is empty", {"ways_add": 1, "ways_length": 1}.items() <=
          counts.items() and not {"ways_corner", "ways_distance"} & set(counts), counts, result)
finish()
