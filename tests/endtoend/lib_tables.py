"""Spec files of any size, with rows such as real ones have: numbers, buffers, strings, structs, handles in families.

The functions are of zlib: crc32 is real, and the first; the others are called by nobody.
"""
import json

AREAS = ("File", "Window", "Registry", "Thread", "Font", "Device", "Service", "Event", "Token", "Console")
FAMILY = 25  # this many rows share a handle


def types(count):
    result = {"Bytef": "unsigned char", "uInt": "unsigned int", "uLong": "unsigned long",
              "status_code": {"enum": "STATUS_OK, STATUS_BUSY = 16, STATUS_GONE"}}
    for i in range(max(1, count // FAMILY)):
        area = AREAS[i % len(AREAS)]
        result[f"struct {area.lower()}_{i}"] = "opaque"
        result[f"{area}Info{i}"] = {"struct": "uint32_t size, flags; double scale; char name[32]; int64_t when;"}
        result[f"{area}Text{i}"] = {"struct": "const char *title; void *data; size_t size; status_code status;",
                                    "title": "string", "data": {"in": {"size": "size"}, "nullable": True}}
    return result


def row(i):
    """The i-th row.  Every tenth opens a handle or closes it; the others are of eight kinds."""
    group = i // FAMILY
    area = AREAS[group % len(AREAS)]
    handle = f"struct {area.lower()}_{group}"
    name = area + ("Get", "Set", "Query", "Update", "Convert", "Measure", "Read", "Write")[i % 8] + f"Item{i}"
    if i % FAMILY == 0:
        return {"prototype": f"{handle} *{area}Open{i}(const char *path, uint32_t access, int flags)", "path": "string",
                "failure": None}
    if i % FAMILY == FAMILY - 1:
        return {"prototype": f"int {area}Close{i}({handle} *object)", "object": "close"}
    kind = i % 8
    if kind == 0:
        return {"prototype": f"int {name}(int id, unsigned flags, double scale)", "compare": "safe", "idempotent": True}
    if kind == 1:
        return {"prototype": f"ssize_t {name}({handle} *object, const void *data, size_t size)",
                "data": {"in": {"size": "size"}}}
    if kind == 2:
        return {"prototype": f"int {name}({handle} *object, void *buffer, size_t room, size_t *got)",
                "buffer": {"out": {"size": "*got", "capacity": "room"}}, "got": "out"}
    if kind == 3:
        return {"prototype": f"int {name}(const char *section, const char *key, const char *value)", "section": "string",
                "key": "string", "value": {"in": {"string": True}, "nullable": True}}
    if kind == 4:
        return {"prototype": f"status_code {name}(const {area}Info{group} *from, {area}Info{group} *to, uint64_t when)",
                "from": "in", "to": "out", "failure": "STATUS_GONE"}
    if kind == 5:
        return {"prototype": f"double {name}(const double *values, int count, const {area}Text{group} *text)",
                "values": {"in": {"count": "count * 2"}}, "text": "in", "failure": "NaN"}
    if kind == 6:
        return {"prototype": f"int {name}({handle} *object, char *text, int room, int64_t offset)",
                "text": {"out": {"string": True, "capacity": "room"}}, "timeout_ms": 2000}
    return {"prototype": f"int {name}({handle} *object, uint16_t width, uint16_t height, const Bytef *pixels)",
            "pixels": {"in": {"size": "width * height * sizeof(uint32_t) + HEADER"}},
            "failure": {"return": -1, "errno": "EIO"}}


def table(count, name="big"):
    crc32 = {"prototype": "uLong crc32(uLong crc, const Bytef *buf, uInt len)",
             "buf": {"in": {"size": "len"}, "nullable": True}, "lost": "abort"}
    return {"table": name, "version": 1, "library": "libz.so.1", "types": types(count), "constants": {"HEADER": 64},
            "failure": -1, "functions": [crc32, *(row(i) for i in range(1, count))]}


def write_table(path, count, name="big"):
    with open(path, "w") as file:
        json.dump(table(count, name), file, indent=1)
    return path
