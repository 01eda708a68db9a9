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
assert len(profiles) >= 13, profiles
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


def changed(name, *path, value):
    """The profile NAME with the value at a path replaced, or taken out where it is None."""
    bad = json.loads((pathlib.Path(sys.argv[2]) / f"{name}.json").read_text())
    at = bad
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return bad


for name, *path, value in [("llama3-8b", "uses", "pretrain", "training", None),
                           ("llama3-8b", "uses", "pretrain", "training", "layouts", []),
                           ("llama3-8b", "uses", "serve", "serving", "parts", 0, "kind", "netwerk"),
                           ("llama3-8b", "uses", "serve", "serving", "budget", 2),
                           ("llama3-8b", "accelerators", "h100", "mfu", 1.5),
                           ("vision", "uses", "edge", "kind", None),
                           ("factory-edge", "site", None), ("factory-edge", "jobs", 0, "share", 2)]:
    assert not validator.is_valid(changed(name, *path, value=value)), (name, path)
print(f"{len(profiles)} profiles meet the schema")
