# Libraries of others.  Those that go into libwinapi_preload.so are linked statically and hidden: a program that has
# its own libffi or cJSON, of another version, must not meet ours.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(isal REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(libffi REQUIRED libffi)
pkg_check_modules(xxhash REQUIRED libxxhash)

# Debian's libffi_pic.a is the one that may go into a shared library.
find_library(WINAPI_FFI_ARCHIVE NAMES libffi_pic.a HINTS ${libffi_LIBDIR})
if(NOT WINAPI_FFI_ARCHIVE)
    message(FATAL_ERROR "libffi_pic.a was not found: install libffi-dev, or set WINAPI_FFI_ARCHIVE to a libffi.a that "
                        "was built with -fPIC")
endif()
add_library(winapi_ffi INTERFACE)
target_include_directories(winapi_ffi SYSTEM INTERFACE ${libffi_INCLUDE_DIRS})
target_link_libraries(winapi_ffi INTERFACE "${WINAPI_FFI_ARCHIVE}")

# Debian has cJSON only as a shared library.
if(NOT EXISTS "${WINAPI_CJSON_DIR}/cJSON.c")
    execute_process(
        COMMAND "${PROJECT_SOURCE_DIR}/cmake/debian-source.sh" cjson "${WINAPI_CJSON_DIR}"
        RESULT_VARIABLE failed)
    if(failed OR NOT EXISTS "${WINAPI_CJSON_DIR}/cJSON.c")
        message(FATAL_ERROR "There is no cJSON source in ${WINAPI_CJSON_DIR}, and it could not be fetched (the reason "
                            "is above).  Unpack it there, or say -DWINAPI_CJSON_DIR=DIRECTORY")
    endif()
endif()
configure_file("${WINAPI_CJSON_DIR}/cJSON.h" "${PROJECT_BINARY_DIR}/source/include/cjson/cJSON.h" COPYONLY)
add_library(winapi_cjson STATIC "${WINAPI_CJSON_DIR}/cJSON.c")
# A message nests a few levels; a thousand of them, cJSON's own limit, would overflow a small thread's stack.
target_compile_definitions(winapi_cjson PUBLIC CJSON_HIDE_SYMBOLS PRIVATE CJSON_NESTING_LIMIT=32)
target_include_directories(winapi_cjson SYSTEM PUBLIC "${PROJECT_BINARY_DIR}/source/include")
winapi_quiet(winapi_cjson)
