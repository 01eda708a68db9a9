# SPDX-License-Identifier: Apache-2.0
"""A probe of somebody else's, built against the installed SDK and nothing more, runs by the installed binary."""
import subprocess

import command_line
from command_line import BUILD, SOURCE, CommandTest, main


class Sdk(CommandTest):
    def call(self, *command):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_example_probe_builds_against_the_installed_sdk_and_measures(self):
        installed, built = self.folder / "installed", self.folder / "built"
        self.call("cmake", "--install", BUILD, "--prefix", installed)
        self.call("cmake", "-S", SOURCE / "tests/modules/example", "-B", built, f"-DCMAKE_PREFIX_PATH={installed}",
                  "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
        self.call("cmake", "--build", built)
        command_line.BINARY = installed / "bin/millrace"
        self.modules = built

        listed = self.run_it("probes")
        self.assertRegex(listed.out, r"(?m)^example 1\.0: ready$")
        self.assertRegex(listed.out, r"(?m)^storage .*: ready$")  # the installed ones are found as well

        ended = self.measure("example.spin", "--size", "64KiB", "--duration", "500ms")
        self.assertEqual(ended.code, 0, ended.err)
        m = ended.measurement
        self.assertEqual((m["status"], m["probe"], m["parameters"]["size"]), ("ok", "example.spin", 65536))
        self.assertGreater(m["throughput_bytes_per_s"]["mean"], 1e8)
        self.assertEqual(m["counters"]["worker:bytes"], 65536 * m["counters"]["worker:operations"])
        (self.folder / "r.json").write_text(ended.out)
        self.assertSatisfiesSchema(self.folder / "r.json")


if __name__ == "__main__":
    main()
