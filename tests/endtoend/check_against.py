#!/usr/bin/env python3
"""winapi check --against: rows whose function the library lacks, and functions that have no row."""
from lib_ways import *

SOURCE_TEXT = """
int against_one(int x) { return x; }
int against_two(int x) { return x + 1; }
int against_data = 3;
static int inside(int x) { return x; }
__attribute__((visibility("hidden"))) int against_hidden(int x) { return inside(x); }
int against_old_one(int x) { return x; }
int against_old_two(int x) { return x; }
__asm__(".symver against_old_one, against_old@AGAINST_1");
__asm__(".symver against_old_two, against_twice@@AGAINST_2");
"""


def library(name, text, *flags):
    source = f"{folder}/{name}.c"
    with open(source, "w") as file:
        file.write(text)
    return compile(name, *SHARED, *flags, source)


def spec(name, *functions, **keys):
    path = f"{folder}/{name}.json"
    table = {"table": name, "version": 1, "library": "libagainst.so", "failure": -1,
             "functions": [{"prototype": f"int {function}(int x)"} if isinstance(function, str) else function
                           for function in functions], **keys}
    with open(path, "w") as file:
        json.dump(table, file)
    return path


def check_against(against, *paths, **variables):
    return run([WINAPI, "check", "--against", against, *paths], **variables)


with open(f"{folder}/against.map", "w") as file:
    file.write("AGAINST_1 {}; AGAINST_2 { global: against_*; local: *; };")
LIBRARY = library("libagainst.so", SOURCE_TEXT, f"-Wl,--version-script={folder}/against.map")

whole = spec("whole", "against_one", "against_two", "against_old_one", "against_old_two", "against_twice")
said = check_against(LIBRARY, whole)
check("all is covered", said.status == 0 and said.err == "" and
      said.out.splitlines()[-1] == f"{LIBRARY}: 5 of 5 functions have rows", said)

said = check_against(LIBRARY, spec("part", "against_two"))
check("functions without a row are listed, which is no fault", said.status == 0 and said.out.splitlines()[1:] == [
    *(f"{LIBRARY}: {name}: no row" for name in
      ("against_old_one", "against_old_two", "against_one", "against_twice")),
    f"{LIBRARY}: 1 of 5 functions have rows"], said)

first, second = spec("first", "against_one"), spec("second", "against_two", "against_old_one", "against_old_two")
said = check_against(LIBRARY, first, second)
check("several tables count together", f"{LIBRARY}: 4 of 5 functions have rows" in said.out, said)

wrong = spec("wrong", "against_one", "against_hidden", "against_data", "against_old", "against_gone")
said = check_against(LIBRARY, wrong)
check("hidden ones, data, old versions and what is not there are faults: a line for each",
      said.status == 1 and said.err.splitlines() == [
          f"{wrong}: table wrong: function {name}: {LIBRARY} exports no function {name}; take the row out, or name the "
          'library or "handler" that has it' for name in
          ("against_hidden", "against_data", "against_old", "against_gone")], said)

handlers = spec("handlers", {"prototype": "int mine(int x)", "handler": "against_two"},
                {"prototype": "int theirs(int x)", "handler": {"symbol": "other", "library": "./libother.so"}},
                {"prototype": "int against_one(int x)", "handler": "against_gone"})
said = check_against(LIBRARY, handlers)
check("of a handler it is the symbol that must be there, if the library is this one", said.status == 1 and
      len(said.err.splitlines()) == 1 and "function against_one: " in said.err and "no function against_gone" in said.err,
      said)

broken = f"{folder}/broken.json"
with open(broken, "w") as file:
    file.write("{")
said = check_against(LIBRARY, broken, whole)
check("a file that is wrong is said so, and the others are still looked at", said.status == 1 and
      said.err.startswith(broken) and "5 of 5" in said.out, said)

# ---- libraries that are none ----

said = check_against("libnowhere.so.7", whole)
check("one that is not found", said.status == 1 and said.err ==
      "libnowhere.so.7: no such library where the loader looks; name its file, with a slash in it\n" and
      said.out == "", said)
said = check_against("./libnowhere.so", whole)
check("a file that is not there", said.status == 1 and said.err == "./libnowhere.so: No such file or directory\n", said)
said = check_against(whole, whole)
check("a file of another kind", said.status == 1 and said.err == f"{whole}: this is no library\n", said)
with open(LIBRARY, "rb") as file, open(f"{folder}/cut.so", "wb") as cut:
    cut.write(file.read(100))
said = check_against(f"{folder}/cut.so", whole)
check("one that is cut off", said.status == 1 and said.err.startswith(f"{folder}/cut.so: "), said)
empty = library("libempty.so", "int data;\n", "-nostartfiles")
said = check_against(empty, whole)
check("one without functions", said.status == 1 and said.err == f"{empty}: it exports no functions\n", said)

# ---- a library of others ----

if not MUSL:
    said = check_against("libz.so.1", SOURCE + "/spec/zlib.json")
    lines = said.out.splitlines()
    check("zlib, by its name, is found and has all that our rows name", said.status == 0 and said.err == "" and
          re.fullmatch(r"/\S*/libz\.so\.1: 7 of [0-9]+ functions have rows", lines[-1]), said)
    check("what has none is there by name", any(line.endswith("libz.so.1: deflateInit_: no row") for line in lines), said)
finish()
