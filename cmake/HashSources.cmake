# Writes a header that defines `name` as a hash over the contents of `sources`, which are a list.
foreach(source ${sources})
    file(SHA256 "${source}" sum)
    string(APPEND sums "${sum}\n")
endforeach()
string(SHA256 sum "${sums}")
file(WRITE "${output}" "/* Made by cmake/HashSources.cmake. */\n#define ${name} \"${sum}\"\n")
