#!/usr/bin/env python3
"""Each rule of shape.py is broken once, in a tree of its own, and must be noticed."""
import pathlib
import sys
import tempfile
import unittest

import shape


class ShapeCatches(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.directory.name)
        self.write("spec/base/log.h", "")
        self.write("spec/wire/lane.h", "")
        self.write("host/session.h", "")

    def tearDown(self):
        self.directory.cleanup()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def faults(self, check):
        return list(check(self.root))

    def test_a_room_below_may_be_included(self):
        self.write("preload/hook.c", '#include "spec/base/log.h"\n#include "spec/wire/lane.h"\n')
        self.assertEqual(self.faults(shape.check_includes), [])

    def test_one_end_may_not_include_the_other(self):
        self.write("preload/hook.c", '\n#include "host/session.h"\n')
        self.assertEqual(self.faults(shape.check_includes), ["preload/hook.c:2: preload may not include host/session.h"])

    def test_table_and_wire_are_apart(self):
        self.write("spec/table/row.c", '#include "spec/wire/lane.h"\n')
        self.assertEqual(len(self.faults(shape.check_includes)), 1)

    def test_includes_begin_at_the_root(self):
        self.write("host/session.c", '#include "session.h"\n')
        self.assertEqual(len(self.faults(shape.check_includes)), 1)

    def test_a_file_and_its_header_share_a_name(self):
        self.write("spec/base/log.c", "")
        self.assertEqual(self.faults(shape.check_names), [])

    def test_two_rooms_may_not_share_a_name(self):
        self.write("host/log.c", "")
        self.assertEqual(len(self.faults(shape.check_names)), 1)

    def test_a_second_door_is_noticed(self):
        self.write("host/session.c", "void f(void)\n{\n    ffi_call(0, 0, 0, 0);\n}\n")
        self.assertEqual(len(self.faults(shape.check_doors)), 1)

    def test_comments_and_strings_use_nothing(self):
        self.write("host/session.c", '/* ffi_call( */\nchar *s = "ffi_call(";  // ffi_call(\n')
        self.assertEqual(self.faults(shape.check_doors), [])

    def test_a_guest_does_not_exit(self):
        self.write("preload/hook.c", "void f(void) { exit(1); }\n")
        self.assertEqual(len(self.faults(shape.check_guest)), 1)

    def test_the_command_may_print(self):
        self.write("preload/command/help.c", 'void f(void) { printf("usage"); }\n')
        self.assertEqual(self.faults(shape.check_guest), [])

    def test_exports_are_those_of_the_map(self):
        patterns = shape.map_patterns("/* a; */ {\nglobal:\n winapi_*;\n dlsym;\nlocal:\n *;\n};")
        self.assertEqual(patterns, ["winapi_*", "dlsym"])
        self.assertEqual(list(shape.check_exports(["winapi_echo", "dlsym"], patterns)), [])
        self.assertEqual(len(list(shape.check_exports(["winapi_echo", "dlsym", "log_write"], patterns))), 1)
        self.assertEqual(len(list(shape.check_exports(["winapi_echo"], patterns))), 1)

    def test_imports_are_those_that_both_libcs_have(self):
        allowed = shape.read_list("# why\nmalloc\nopen\n")
        self.assertEqual(list(shape.check_imports(["malloc U", "open U", "__gmon_start__ w"], allowed)), [])
        for symbols in ("malloc U", "open U", "reallocarray U"), ("malloc U", "open U", "dlsym w"), \
                ("malloc@GLIBC_2.2.5 U", "open U"):
            self.assertEqual(len(list(shape.check_imports(symbols, allowed))), 1)

    def test_loaders_get_what_they_can_load(self):
        good = ["  LOAD           0x000 0x0000000000000000 0x0000000000000000 0x0043b0 0x0043b0 R E 0x1000",
                "  TLS            0x057 0x0000000000057860 0x0000000000057860 0x000000 0x000052 R   0x8",
                "  GNU_STACK      0x000 0x0000000000000000 0x0000000000000000 0x000000 0x000000 RW  0x10",
                " 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]",
                " 0x000000000000001e (FLAGS)              STATIC_TLS"]
        self.assertEqual(list(shape.check_loading("\n".join(good))), [])
        for line, old, new in ((0, "R E", "RWE"), (1, "0x000052", "0x000400"), (2, "RW ", "RWE"), (3, "libc.so.6", "libm.so.6"),
                               (4, "STATIC_TLS", "TEXTREL STATIC_TLS")):
            bad = list(good)
            bad[line] = bad[line].replace(old, new)
            self.assertEqual(len(list(shape.check_loading("\n".join(bad)))), 1, bad[line])


if __name__ == "__main__":
    sys.exit(unittest.main())
