# For programs of musl on a machine of glibc: the compiler is Debian's wrapper from musl-tools.  Used by the preset musl.
set(CMAKE_C_COMPILER musl-gcc)
set(CMAKE_ASM_COMPILER musl-gcc)
set(WINAPI_MUSL ON)
