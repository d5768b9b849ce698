# cmake --install: the programs, the libraries, the header, the shipped spec files and the documents.
if(WINAPI_FUZZ OR WINAPI_MUSL)
    return()
endif()

install(TARGETS winapi-bench-client winapi-bench-floor RUNTIME DESTINATION "${winapi_programs}")
install(TARGETS winapi winapi-host RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS winapi_preload LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(TARGETS libwinapi_shared libwinapi_static
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
if(WINAPI_BUILD_EXAMPLES)
    install(TARGETS test_client RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(FILES "${PROJECT_SOURCE_DIR}/host/libwinapi/libwinapi.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

file(GLOB spec_files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/spec/*.json")
install(FILES ${spec_files} DESTINATION "${CMAKE_INSTALL_DATADIR}/winapi/spec")

file(GLOB documents CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/*.md")
install(FILES ${documents} DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/winapi/docs")
install(FILES README.md CHANGELOG.md SECURITY.md LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/winapi")
foreach(section 1 7)
    file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/man/*.${section}")
    install(FILES ${pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
endforeach()

# Relative to the file itself, so that `cmake --install build --prefix DIRECTORY` gives one that works there.
file(RELATIVE_PATH pc_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file("${PROJECT_SOURCE_DIR}/cmake/winapi.pc.in" "${PROJECT_BINARY_DIR}/winapi.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/winapi.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# A bare LD_PRELOAD=libwinapi_preload.so is looked up in the loader's cache, which only root can renew.
install(CODE [[
    if("$ENV{DESTDIR}" STREQUAL "" AND CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/?$")
        find_program(LDCONFIG ldconfig PATHS /sbin /usr/sbin)
        execute_process(COMMAND id -u OUTPUT_VARIABLE user OUTPUT_STRIP_TRAILING_WHITESPACE)
        if(LDCONFIG AND user STREQUAL "0")
            message(STATUS "Running: ${LDCONFIG}")
            execute_process(COMMAND "${LDCONFIG}")
        endif()
    endif()
]])
