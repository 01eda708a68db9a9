# SPDX-License-Identifier: Apache-2.0
"""symbols_test.py STAND-IN VENDOR: every symbol that the stand-in exports, the vendor's library exports too."""
import pathlib
import subprocess
import sys


def exported(library):
    listing = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    # Versions (name@@VERSION) are left out; absolute symbols (A) are version names.
    return {line.split()[-1].split("@")[0] for line in listing.splitlines() if line.split()[-2] != "A"}


standin, vendor = sys.argv[1], pathlib.Path(sys.argv[2])
if not vendor.exists():
    print(f"skipped: {vendor} is not there")
    sys.exit(77)
mine, theirs = exported(standin), exported(vendor)
strange = sorted(mine - theirs)
print(f"{len(mine)} symbols, of the vendor's {len(theirs)}")
if "ncclAllReduce" not in mine or strange:
    sys.exit(f"not in {vendor}: {strange}")
