#!/usr/bin/env python3
"""spec/schema.json lets through every spec file that is good, and catches what it can of the bad ones."""

import json
import os
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

SOURCE = pathlib.Path(os.environ.get("WINAPI_SOURCE", pathlib.Path(__file__).parents[2]))

# Faults of form, which an editor can underline; the others need to know C, and are left to `winapi check`.
CAUGHT = """
    async_is_text async_key_unknown async_returns_fraction async_returns_missing compare_unknown constant_fraction constants_list enum_is_list enum_key_unknown errno_name failure_key_unknown
    functions_missing functions_object handler_key_unknown handler_number idempotent_number library_number
    library_unknown_system lost_unknown members_list prototype_missing row_is_text size_fraction string_with_word struct_is_list
    table_key_unknown table_missing table_name timeout_zero tolerance_negative type_is_number type_name_bad
    types_are_a_list version_fraction version_missing version_text version_zero word_false word_number word_unknown
    word_unknown_in_extent word_unknown_in_object
""".split()


def main():
    schema = json.loads((SOURCE / "spec/schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    failed = False

    good = [path for path in sorted(SOURCE.glob("spec/**/*.json")) if path.name != "schema.json"]
    good += sorted(SOURCE.glob("tests/spec/good/*.json"))
    for path in good:
        for error in validator.iter_errors(json.loads(path.read_text())):
            print(f"{path}: {error.message}, in {list(error.path)}")
            failed = True
    for name in CAUGHT:
        if validator.is_valid(json.loads((SOURCE / f"tests/spec/bad/{name}.json").read_text())):
            print(f"{name}.json is not caught")
            failed = True
    print(f"{len(good)} good files, {len(CAUGHT)} bad ones")
    return 1 if failed else 0


sys.exit(main())
