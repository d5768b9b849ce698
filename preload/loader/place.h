/* Where this installation's parts lie, found from where libwinapi_preload.so or the command itself lies. */
#ifndef WINAPI_PRELOAD_LOADER_PLACE_H
#define WINAPI_PRELOAD_LOADER_PLACE_H

/*
 * Each gives a malloc'ed absolute path, or NULL when there is no such file in the build tree's nor in the installed
 * layout (PREFIX/lib, PREFIX/lib/TRIPLET, PREFIX/bin, PREFIX/share/winapi/spec).
 */
char *place_preload_library(void);
char *place_host_program(void);
char *place_spec_directory(void);

#endif
