/* C text from a spec file, as a prototype, as members and as a type. */
#include "spec/table/declaration.h"
#include "spec/table/reading.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scratch memory = {0};
    struct diagnostics diagnostics = {0};
    struct reading reading = {.memory = &memory, .diagnostics = &diagnostics, .path = "fuzz.json"};
    const char *text = reading_copy(&reading, (const char *)data, size);
    struct prototype prototype;
    struct declaration *members;
    struct declaration type;
    size_t count, faults = 0;

    if (text) {
        faults += declaration_prototype(&reading, text, &prototype) < 0;
        faults += declaration_members(&reading, text, &members, &count) < 0;
        faults += declaration_type(&reading, text, &type) < 0;
    }
    /* Every refusal has a diagnostic: a spec file is never refused without a word. */
    if (faults > diagnostics.count)
        __builtin_trap();
    scratch_finish(&memory);
    diagnostics_finish(&diagnostics);
    return 0;
}
