# Where results lie: bin/, lib/ and include/ under the build directory, as they do under the prefix after install, so
# that programs find libraries, and each other, the same way in both.  Archives of single rooms stay out of it.
include(GNUInstallDirs)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(winapi_programs libexec/winapi) # programs that other programs run; the same in both
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

# glibc looks for a name without a slash in LD_PRELOAD along the program's RUNPATH.  With this one,
# `LD_PRELOAD=libwinapi_preload.so build/bin/test_client` works as it stands, and so does the installed program.
file(RELATIVE_PATH bin_to_lib "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib" "$ORIGIN/${bin_to_lib}")
list(REMOVE_DUPLICATES CMAKE_INSTALL_RPATH)
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
