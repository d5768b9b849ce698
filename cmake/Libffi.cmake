# libffi.  From 3.7 on it can prepare a call once, which older ones do anew for each call; distributions will have that
# in some years.  So where the system's is older, and always for musl, it is built here from Debian's source.
option(WINAPI_SYSTEM_LIBFFI "Use the system's libffi, whatever its version" OFF)

# What its configure script would find out, for x86-64 and a GNU assembler; closures that need memory of their own are
# left out.
function(winapi_build_libffi source)
    set(include "${PROJECT_BINARY_DIR}/source/libffi-include")
    file(STRINGS "${source}/configure.ac" line REGEX "^AC_INIT")
    string(REGEX MATCH "([0-9]+)\\.([0-9]+)\\.([0-9]+)" VERSION "${line}")
    math(EXPR FFI_VERSION_NUMBER "${CMAKE_MATCH_1} * 10000 + ${CMAKE_MATCH_2} * 100 + ${CMAKE_MATCH_3}")
    set(FFI_VERSION_STRING ${VERSION})
    set(TARGET X86_64)
    set(HAVE_LONG_DOUBLE 1)
    set(FFI_EXEC_TRAMPOLINE_TABLE 0)
    configure_file("${source}/include/ffi.h.in" "${include}/ffi.h" @ONLY)
    configure_file("${source}/src/x86/ffitarget.h" "${include}/ffitarget.h" COPYONLY)
    configure_file("${PROJECT_SOURCE_DIR}/cmake/fficonfig.h" "${include}/fficonfig.h" COPYONLY)

    add_library(winapi_ffi STATIC)
    foreach(name prep_cif.c types.c x86/ffi64.c x86/ffiw64.c x86/unix64.S x86/win64.S)
        target_sources(winapi_ffi PRIVATE "${source}/src/${name}")
    endforeach()
    target_compile_options(winapi_ffi PRIVATE -fPIC -fno-sanitize=all ${WINAPI_GUEST})
    target_include_directories(winapi_ffi SYSTEM PUBLIC "${include}" PRIVATE "${source}/include" "${source}/src"
        "${source}/src/x86")
    winapi_quiet(winapi_ffi)
endfunction()

# Debian's libffi_pic.a is the one that may go into a shared library.
function(winapi_take_libffi)
    find_library(WINAPI_FFI_ARCHIVE NAMES libffi_pic.a HINTS ${libffi_LIBDIR})
    if(NOT WINAPI_FFI_ARCHIVE)
        message(FATAL_ERROR "libffi_pic.a was not found: install libffi-dev, or set WINAPI_FFI_ARCHIVE to a libffi.a "
                            "that was built with -fPIC")
    endif()
    add_library(winapi_ffi INTERFACE)
    target_include_directories(winapi_ffi SYSTEM INTERFACE ${libffi_INCLUDE_DIRS})
    target_link_libraries(winapi_ffi INTERFACE "${WINAPI_FFI_ARCHIVE}")
endfunction()

if(WINAPI_MUSL)
    winapi_source(libffi WINAPI_LIBFFI_DIR forky)
    winapi_build_libffi("${WINAPI_LIBFFI_DIR}")
    return()
endif()

pkg_check_modules(libffi REQUIRED libffi)
if(WINAPI_SYSTEM_LIBFFI OR libffi_VERSION VERSION_GREATER_EQUAL 3.7 OR NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    winapi_take_libffi()
    return()
endif()

winapi_fetch(libffi WINAPI_LIBFFI_DIR forky)
if(EXISTS "${WINAPI_LIBFFI_DIR}")
    winapi_build_libffi("${WINAPI_LIBFFI_DIR}")
else()
    message(WARNING "There is no source of libffi 3.7 or newer (the reason is above): calls will be slower with the "
                    "system's ${libffi_VERSION}.  Unpack it in ${WINAPI_LIBFFI_DIR}, or say -DWINAPI_SYSTEM_LIBFFI=ON")
    winapi_take_libffi()
endif()
