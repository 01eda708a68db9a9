# SPDX-License-Identifier: Apache-2.0
"""The main job on a machine of GPUs that stand-in drivers play: its verdict ends in GPU memory, and names the hop that
was made slow. The storage is this machine's own, so that only what is slower than any drive is planted."""
import json
import shutil
import subprocess
import sys

from command_line import BUILD, SOURCE, main
from standin import LIBRARIES, STANDIN, StandInTest

sys.path.insert(0, str(SOURCE / "tests/truth"))
from residuals import note_diagnosis  # noqa: E402

SLOW = 30_000_000  # bytes/s; flux on a B200 wants 77 MB/s


class GpuRun(StandInTest):
    needs = ("libcuda.so.1", "libcufile.so.0")

    def standins(self, **more):
        """This machine's own storage, with the GPUs besides."""
        environ = super().standins(**more)
        # No libnccl: what it plays takes long over a link as slow as that.
        only = self.state / str(self.games) / "lib"
        only.mkdir()
        for library in self.needs:
            (only / library).symlink_to(LIBRARIES / library)
        environ["LD_LIBRARY_PATH"] = str(only)
        root = self.state / str(self.games) / "root"
        shutil.rmtree(root)
        recorded = self.run_it("topo", "--snapshot", root, "--quiet")
        self.assertEqual(recorded.code, 0, recorded.err)
        subprocess.run([sys.executable, "-B", STANDIN / "make_system.py", environ["MILLRACE_STANDIN_MACHINE"], root], check=True)
        return environ

    def run_job(self, case):
        store, file = self.folder / "store", self.folder / "result.json"
        store.mkdir(exist_ok=True)
        ended = self.run_it("run", "--path", store, "--for", "flux-b200", "--budget", "8s", "--repeats", 1, "--json",
                            file, **self.standins())
        self.assertEqual(ended.code, 0, ended.err + ended.out)
        self.assertFolderIsEmpty(store)
        self.assertSatisfiesSchema(file)
        document = json.loads(file.read_text())
        note_diagnosis(BUILD / "tests/residuals", f"stand-in GPUs: {case}", document["diagnoses"][0])
        return document, ended

    def test_the_slow_link_of_one_gpu_is_named_by_the_whole_path(self):
        self.description["gpus"][1]["pcie"]["bytes_per_s"] = SLOW
        document, ended = self.run_job("a slow link")
        verdict = document["diagnoses"][0]
        self.assertEqual(verdict["verdict"], "starved")
        pci = self.description["gpus"][1]["pci"]
        self.assertEqual([b["resources"] for b in verdict["bottlenecks"]], [[f"pcie:{pci}:write"]])
        self.assertIn("gpu:1", verdict["sentence"])
        self.assertIn("stand-in GPUs", verdict["sentence"])
        available = verdict["bottlenecks"][0]["available_bytes_per_s"]
        self.assertAlmostEqual(available / (2 * SLOW), 1, delta=0.1)  # in lock-step the slowest sets the pace
        # The pipelines ended in both GPUs, past host memory too, and moved what the slow link lets through.
        pipelines = [m for m in document["measurements"] if m["probe"] == "ingest.pipeline"]
        self.assertTrue(pipelines)
        for m in pipelines:
            self.assertEqual((m["status"], m["device"]), ("ok", "stand-in"), m["reason"])
            self.assertEqual(m["parameters"]["to"], "gpu:0,gpu:1")
            if m["parameters"]["source"] != "device":  # else nothing crosses a link
                self.assertLess(m["throughput_bytes_per_s"]["mean"], 1.3 * 2 * SLOW)
        self.assertTrue(any("gds-direct" in m["flags"] for m in pipelines))
        measured = {m["probe"] for m in document["measurements"] if m["status"] == "ok"}
        self.assertLessEqual({"gpu.copy", "storage.gds_read", "storage.gds_write", "storage.read", "memory.copy"}, measured)
        self.assertLess(ended.seconds, 120)
        self.assertFalse([m["reason"] for m in document["measurements"]
                          if m["status"] != "ok" and not m["probe"].startswith("nccl")])

    def test_the_slow_uplink_of_one_switch_is_named(self):
        self.load("eight_gpus")
        gpus = self.description["gpus"]
        self.description["gpus"] = [gpus[0], gpus[1], gpus[4], gpus[5]]
        for index, gpu in enumerate(self.description["gpus"]):
            gpu["index"] = index
        slow, fast = self.description["switches"]
        slow["uplink_bytes_per_s"], fast["uplink_bytes_per_s"] = 2 * SLOW, 1_000_000_000
        self.description["gpus"][2]["memory_bytes_per_s"] *= 0.6
        document, _ = self.run_job("a slow switch uplink")
        verdict = document["diagnoses"][0]
        self.assertEqual(verdict["verdict"], "starved")
        self.assertEqual([b["resources"] for b in verdict["bottlenecks"]], [[f"pcie:{slow['pci']}:write"]])
        # What two of four GPUs get through it, times two.
        self.assertAlmostEqual(verdict["bottlenecks"][0]["available_bytes_per_s"] / (4 * SLOW), 1, delta=0.1)
        # And a slow GPU besides, where no link shows it.
        self.assertEqual([f["resource"] for f in document["findings"] if f["id"] == "gpu-slow"], ["gpu:2"])

    def test_gpus_that_cannot_be_used_leave_host_memory_in_their_place(self):
        environ = self.standins(CUDA_VISIBLE_DEVICES="")
        store = self.folder / "store"
        store.mkdir()
        ended = self.run_it("run", "--path", store, "--for", "flux-b200", "--budget", "1s", "--repeats", 1, "--json",
                            self.folder / "result.json", **environ)
        document = json.loads((self.folder / "result.json").read_text())
        self.assertEndedAsItsVerdicts(ended, document)
        self.assertIn("host memory stands in for theirs", ended.err)
        self.assertTrue(all(m["parameters"].get("to", "host") == "host" for m in document["measurements"]))


if __name__ == "__main__":
    main()
