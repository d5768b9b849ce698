#!/usr/bin/env python3
"""The shipped spec files satisfy spec/schema.json, and a few that must not do not."""
import json
import os
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

SPEC = pathlib.Path(os.environ["WINAPI_SOURCE"]) / "spec"


def main():
    schema = json.loads((SPEC / "schema.json").read_text())
    validator_class = jsonschema.validators.validator_for(schema)
    validator_class.check_schema(schema)
    validator = validator_class(schema)
    faults = []

    for path in sorted(SPEC.glob("*.json")):
        if path.name != "schema.json":
            for error in validator.iter_errors(json.loads(path.read_text())):
                faults.append(f"{path.name}: {'/'.join(map(str, error.absolute_path))}: {error.message}")

    row = {"prototype": "int f(int a)"}
    good = {"table": "t", "version": 1, "library": {"linux": "libt.so"}, "functions": [row]}
    bad = {
        "a table without a name": {key: good[key] for key in good if key != "table"},
        "an unknown key": {**good, "colour": "red"},
        "a row without a prototype": {**good, "functions": [{"lost": "native"}]},
        "a list instead of a table": [good],
    }
    if not validator.is_valid(good):
        faults.append("a good table is refused")
    faults += [f"{what} is accepted" for what, table in bad.items() if validator.is_valid(table)]

    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
