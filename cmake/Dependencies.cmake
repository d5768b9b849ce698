# Libraries of others.  Those that go into libwinapi_preload.so are linked statically and hidden: a program that has
# its own libffi or cJSON, of another version, must not meet ours.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# The source of a Debian package, in the directory that the cache variable names; fetched when it is not there, of this
# system's release or of Debian's that `ARGN` names.
function(winapi_fetch package variable)
    if(NOT EXISTS "${${variable}}")
        execute_process(COMMAND "${PROJECT_SOURCE_DIR}/cmake/debian-source.sh" ${package} "${${variable}}" ${ARGN})
    endif()
endfunction()

function(winapi_source package variable)
    winapi_fetch(${package} ${variable} ${ARGN})
    if(NOT EXISTS "${${variable}}")
        message(FATAL_ERROR "There is no source of ${package} in ${${variable}}, and it could not be fetched (the "
                            "reason is above).  Unpack it there, or say -D${variable}=DIRECTORY")
    endif()
endfunction()

if(WINAPI_MUSL)
    include(Musl)
else()
    pkg_check_modules(isal REQUIRED IMPORTED_TARGET libisal)
    add_library(winapi_isal ALIAS PkgConfig::isal)
    pkg_check_modules(xxhash REQUIRED libxxhash)
endif()
include(Libffi)

# Debian has cJSON only as a shared library.
winapi_source(cjson WINAPI_CJSON_DIR)
configure_file("${WINAPI_CJSON_DIR}/cJSON.h" "${PROJECT_BINARY_DIR}/source/include/cjson/cJSON.h" COPYONLY)
add_library(winapi_cjson STATIC "${WINAPI_CJSON_DIR}/cJSON.c")
# Without _GNU_SOURCE, newer headers leave sscanf its name.
target_compile_options(winapi_cjson PRIVATE ${WINAPI_GUEST} -U_GNU_SOURCE)
# A message nests a few levels; a thousand of them, cJSON's own limit, would overflow a small thread's stack.
target_compile_definitions(winapi_cjson PUBLIC CJSON_HIDE_SYMBOLS PRIVATE CJSON_NESTING_LIMIT=32)
target_include_directories(winapi_cjson SYSTEM PUBLIC "${PROJECT_BINARY_DIR}/source/include")
winapi_quiet(winapi_cjson)
