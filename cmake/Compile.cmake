# What every file of the project is compiled with.  A library of others uses winapi_quiet() to opt out of warnings.
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug or RelWithDebInfo" FORCE)
endif()
# CMake would add NDEBUG, and the tests' assert() would check nothing.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_definitions(_GNU_SOURCE WINAPI_VERSION="${PROJECT_VERSION}")
include_directories("${PROJECT_SOURCE_DIR}")

set(warnings -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings)
if(WINAPI_WERROR)
    list(APPEND warnings -Werror)
endif()
add_compile_options("$<$<COMPILE_LANGUAGE:C>:${warnings}>")
add_link_options(-Wl,--enable-new-dtags -Wl,--as-needed)

# What a call passes through lies in many small files.  The two programs that calls are made of are optimised as one
# piece each; tests link the same objects as they are.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT WINAPI_SANITIZER
        AND NOT WINAPI_MUSL)
    set(WINAPI_PARTS -flto=auto -ffat-lto-objects)
    set(WINAPI_WHOLE -flto=auto)
endif()

# Where gcc knows how large a copy can be, it copies in place by an instruction that takes longer to begin than most of
# our copies take in the C library.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    add_compile_options("$<$<COMPILE_LANGUAGE:C>:-mmemcpy-strategy=libcall:-1:noalign;-mmemset-strategy=libcall:-1:noalign>")
endif()

# Only the version scripts of host/libwinapi and preload/ export names.
set(CMAKE_C_VISIBILITY_PRESET hidden)

# What libwinapi_preload.so is made of.  It is there when its program starts, so its few thread-local bytes need no
# call, and no malloc, to be found.  And it asks for nothing that only glibc has, such as the checked twins of string
# functions (spec/base/libc.h).
set(WINAPI_GUEST -ftls-model=initial-exec -U_FORTIFY_SOURCE)

if(WINAPI_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "WINAPI_FUZZ needs clang: CC=clang, or the preset fuzz")
    endif()
    # Code that is not compiled with fuzzer-no-link is invisible to libFuzzer.
    set(sanitizers -fsanitize=fuzzer-no-link,address,undefined)
elseif(WINAPI_SANITIZER STREQUAL "address")
    set(sanitizers -fsanitize=address,undefined)
elseif(WINAPI_SANITIZER STREQUAL "thread")
    set(sanitizers -fsanitize=thread)
elseif(WINAPI_SANITIZER)
    message(FATAL_ERROR "WINAPI_SANITIZER is '${WINAPI_SANITIZER}': write address, thread, or nothing")
endif()
if(sanitizers)
    # gcc's manual: its warnings about the flow of values have false positives under sanitizers.
    add_compile_options("$<$<C_COMPILER_ID:GNU>:-Wno-format-truncation;-Wno-maybe-uninitialized>")
    add_compile_options(${sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    add_link_options(${sanitizers})
endif()

function(winapi_quiet target)
    target_compile_options(${target} PRIVATE -w)
endfunction()

# A library that a program of musl and its host, of glibc, both load: each finds the functions of its own libc.
function(winapi_any_libc library)
    if(WINAPI_MUSL)
        target_link_options(${library} PRIVATE -nodefaultlibs)
    endif()
endfunction()
