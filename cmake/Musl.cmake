# The libraries of others as musl programs need them: Debian has them for glibc only, so they are built here from
# its source packages.  Kernel headers and xxHash, which is one header, are fit for any libc: links to them stand
# in a directory of their own, so that no header of glibc's is seen.
set(links "${PROJECT_BINARY_DIR}/source/links")
file(MAKE_DIRECTORY "${links}")
foreach(name linux asm-generic xxhash.h xxh3.h)
    file(CREATE_LINK "/usr/include/${name}" "${links}/${name}" SYMBOLIC)
endforeach()
file(CREATE_LINK "/usr/include/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu/asm" "${links}/asm" SYMBOLIC)
include_directories(SYSTEM "${links}")

winapi_source(libisal WINAPI_LIBISAL_DIR)

# The checksum in portable C, which needs no assembler.
add_library(winapi_isal STATIC "${WINAPI_LIBISAL_DIR}/crc/crc_base.c" "${WINAPI_LIBISAL_DIR}/crc/crc_base_aliases.c"
    "${WINAPI_LIBISAL_DIR}/crc/crc64_base.c")
file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/source/include")
file(CREATE_LINK "${WINAPI_LIBISAL_DIR}/include" "${PROJECT_BINARY_DIR}/source/include/isa-l" SYMBOLIC)
target_include_directories(winapi_isal SYSTEM PUBLIC "${PROJECT_BINARY_DIR}/source/include" PRIVATE "${WINAPI_LIBISAL_DIR}/include")
winapi_quiet(winapi_isal)

winapi_source(cmocka WINAPI_CMOCKA_DIR)
add_library(winapi_cmocka STATIC EXCLUDE_FROM_ALL "${WINAPI_CMOCKA_DIR}/src/cmocka.c")
target_include_directories(winapi_cmocka SYSTEM PUBLIC "${WINAPI_CMOCKA_DIR}/include")
target_compile_definitions(winapi_cmocka PRIVATE HAVE_SIGNAL_H HAVE_STRINGS_H HAVE_TIME_H HAVE_STRUCT_TIMESPEC
    HAVE_CLOCK_GETTIME HAVE_CLOCK_REALTIME)
winapi_quiet(winapi_cmocka)
