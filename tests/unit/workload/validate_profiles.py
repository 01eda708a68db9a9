# SPDX-License-Identifier: Apache-2.0
"""Checks every built-in profile against the JSON Schema, and that the schema refuses what it should."""
import copy
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
profiles = sorted(pathlib.Path(sys.argv[2]).glob("*.json"))
assert len(profiles) >= 5, profiles
for profile in profiles:
    document = json.loads(profile.read_text())
    validator.validate(document)
    assert document["model"] == profile.stem, profile
    assert document["source"], profile

good = json.loads(profiles[0].read_text())
for where, key, value in [("input", "prep", "shred"), ("input", "record_bytes", -1), ("input", "colour", 1),
                          ("", "schema", "millrace.workload/9"), ("", "accelerators", {})]:
    bad = copy.deepcopy(good)
    (bad[where] if where else bad)[key] = value
    assert not validator.is_valid(bad), (key, value)
print(f"{len(profiles)} profiles meet the schema")
