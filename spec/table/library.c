/* Which library the host loads: a soname that the loader finds, or a file. */
#include "spec/base/own.h"
#include "spec/table/table_parts.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* "libs/libx.so" beside /home/me/my.json is /home/me/libs/libx.so. */
static const char *make_absolute(struct reading *reading, const char *library)
{
    const char *slash = strrchr(reading->path, '/');
    AUTO_FREE char *here = reading->path[0] != '/' ? malloc(PATH_MAX) : NULL;
    AUTO_TEXT struct text path = {0};

    if (reading->path[0] != '/')
        text_format(&path, "%s/", here && getcwd(here, PATH_MAX) ? here : ".");
    if (slash)
        text_add_bytes(&path, reading->path, (size_t)(slash - reading->path) + 1);
    text_add(&path, library + (strncmp(library, "./", 2) == 0 ? 2 : 0));
    if (path.failed)
        reading->out_of_memory = true;
    return path.failed ? NULL : reading_copy(reading, path.data, path.size);
}

static int read_name(struct reading *reading, const cJSON *json, const char **library)
{
    const char *name = cJSON_GetStringValue(json);

    (void)reading_item(reading, json);
    if (!name || !*name)
        return reading_fault(reading, "\"library\" must be a soname (\"libz.so.1\"), a path, or an object: "
                                      "{\"linux\": \"libz.so.1\", \"windows\": \"zlib1.dll\"}");
    if (strchr(name, '/') && name[0] != '/')
        *library = make_absolute(reading, name);
    else
        *library = reading_copy(reading, name, strlen(name));
    return *library ? 0 : -ENOMEM;
}

int library_read(struct reading *reading, const cJSON *json, const char **library)
{
    const cJSON *item;

    *library = NULL;
    if (!json)
        return 0;
    if (!cJSON_IsObject(json))
        return read_name(reading, json, library);
    cJSON_ArrayForEach(item, json)
    {
        const char *name = NULL;
        int status;

        reading_key(reading, item);
        if (strcmp(item->string, "linux") != 0 && strcmp(item->string, "windows") != 0)
            return reading_fault(reading, "unknown system \"%.100s\" in \"library\"; there are linux and windows",
                                 item->string);
        status = read_name(reading, item, &name);
        if (status < 0)
            return status;
        if (strcmp(item->string, "linux") == 0)
            *library = name;
    }
    return 0;
}
