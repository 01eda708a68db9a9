#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Validates a JSON document, or a journal's every line, against one of the schemas in reports/schema.

usage: validate.py [--expect-invalid] SCHEMA FILE

Exits 0 when FILE satisfies SCHEMA, 1 when it does not (each violation with its JSON pointer), 2 for bad input and
77 (skipped) without python3-jsonschema. Takes no network: the schemas refer to each other in their own folder.
"""
import json
import pathlib
import sys


def constant_refused(name):
    raise ValueError(f"{name} is not JSON")


def documents(schema_path, file):
    """(name, document) for the file, or for each line of a journal."""
    text = file.read_text(encoding="utf-8")
    if not schema_path.name.startswith("journal"):
        yield str(file), json.loads(text, parse_constant=constant_refused)
        return
    for number, line in enumerate(text.splitlines(), 1):
        yield f"{file}:{number}", json.loads(line, parse_constant=constant_refused)


def main(arguments):
    expect_invalid = "--expect-invalid" in arguments
    arguments = [argument for argument in arguments if argument != "--expect-invalid"]
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        import jsonschema
    except ImportError:
        print("skipped: python3-jsonschema is not installed")
        return 77
    schema_path, file = pathlib.Path(arguments[0]).resolve(), pathlib.Path(arguments[1])
    schemas = {path.as_uri(): json.loads(path.read_text()) for path in schema_path.parent.glob("*.schema.json")}
    schema = schemas[schema_path.as_uri()]
    jsonschema.Draft7Validator.check_schema(schema)
    resolver = jsonschema.RefResolver(schema_path.as_uri(), schema, store=schemas)
    validator = jsonschema.Draft7Validator(schema, resolver=resolver)
    violations = 0
    try:
        for name, document in documents(schema_path, file):
            for error in sorted(validator.iter_errors(document), key=lambda e: list(map(str, e.absolute_path))):
                violations += 1
                pointer = "".join(f"/{part}" for part in error.absolute_path)
                print(f"{name}: {pointer or '/'}: {error.message[:300]}")
    except (OSError, ValueError) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return 2
    print(f"{file}: {violations} violations of {schema_path.name}")
    return int((violations > 0) != expect_invalid)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
