# SPDX-License-Identifier: Apache-2.0
"""A machine of GPUs that stand-in drivers play, for black-box tests: environment(), and the machine to change before.

    class GpuTest(StandInTest):
        machine = "two_gpus"

        def test_it(self):
            self.fault(library="cuda", call="cuMemcpyAsync", what="hang", gpu=1)
            ended = self.measure("gpu.copy", "--gpu", 1, **self.standins())

What passes here has run on stand-ins, which proves plumbing and says nothing of hardware.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from command_line import BUILD, SOURCE, CommandTest

STANDIN = SOURCE / "tests/standin"
LIBRARIES = BUILD / "tests/standin/lib"


class StandInTest(CommandTest):
    machine = "two_gpus"
    needs = ("libcuda.so.1",)  # stand-in libraries without which the tests are skipped
    module = "gpu"

    def setUp(self):
        super().setUp()
        for library in self.needs:
            if not (LIBRARIES / library).exists():
                self.skipTest(f"the stand-in {library} is not built: the CUDA toolkit or a vendor's header is missing")
        if not (BUILD / f"lib/millrace/modules/{self.module}.so").exists():
            self.skipTest(f"the module {self.module} is not built")
        self.load(self.machine)
        # GPU memory lies beside the state: in memory, not on a drive.
        shared = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="millrace-standin-", dir=shared))
        self.addCleanup(shutil.rmtree, self.state, True)
        self.games = 0

    def load(self, name):
        self.description = json.loads((STANDIN / f"machines/{name}.json").read_text())

    def fault(self, **what):
        self.description["faults"].append(what)

    def standins(self, **more):
        """The environment of one command on a fresh machine as self.description now says."""
        self.games += 1
        game = self.state / str(self.games)
        game.mkdir()
        (game / "machine.json").write_text(json.dumps(self.description))
        subprocess.run([sys.executable, "-B", STANDIN / "make_system.py", game / "machine.json", game / "root"], check=True)
        return {"LD_LIBRARY_PATH": str(LIBRARIES), "MILLRACE_STANDIN_MACHINE": str(game / "machine.json"),
                "MILLRACE_STANDIN_STATE": str(game / "state"), "MILLRACE_MACHINE_ROOT": str(game / "root"), **more}
