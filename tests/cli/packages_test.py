# SPDX-License-Identifier: Apache-2.0
"""scripts/install-packages, on a machine that is made up: what there is doing without does not stop what there is not."""
import os
import subprocess

from command_line import SOURCE, CommandTest, main


class Packages(CommandTest):
    def install(self, *arguments, missing, unknown=()):
        """Runs it where `missing` is not installed, and apt has not heard of `unknown`; what apt-get installs is in .installed."""
        # The last of its arguments is the package that each is asked for.
        scripts = {
            "dpkg-query": f'case " {" ".join(missing)} " in *" $last "*) exit 1 ;; esac; printf installed',
            "apt-cache": f'case " {" ".join(unknown)} " in *" $last "*) candidate="(none)" ;; *) candidate=1.0 ;; esac; '
                         'printf "%s:\\n  Installed: (none)\\n  Candidate: %s\\n" "$last" "$candidate"',
            "apt-get": f'echo "$@" >> {self.folder}/asked',
            "sudo": '"$@"',
        }
        for name, text in scripts.items():
            (self.folder / name).write_text(f"#!/bin/sh\nfor last; do :; done\n{text}\n")
            (self.folder / name).chmod(0o755)
        done = subprocess.run([SOURCE / "scripts/install-packages", *arguments], capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"})
        asked = (self.folder / "asked").read_text().splitlines() if (self.folder / "asked").exists() else []
        done.installed = [word for line in asked if line.startswith("install ") for word in line.split()[1:] if word[0] != "-"]
        return done

    def test_what_is_missing_is_said_with_what_it_is_for_and_installed(self):
        done = self.install(missing=["libfmt-dev", "libgloo-dev"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("\n  libfmt-dev: text\n  libgloo-dev: collectives over host memory\n", done.stdout)
        self.assertEqual(done.installed, ["libfmt-dev", "libgloo-dev"])

    def test_where_nothing_is_missing_nothing_is_said_or_done(self):
        done = self.install("--tests", "--lint", missing=[])
        self.assertEqual((done.returncode, done.stdout, done.stderr, done.installed), (0, "", "", []))

    def test_what_a_release_does_not_have_and_there_is_doing_without_keeps_back_nothing_else(self):
        done = self.install("--tests", missing=["libfmt-dev", "libgloo-dev", "sockperf"], unknown=["libgloo-dev", "sockperf"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("  libgloo-dev: collectives over host memory\n  sockperf: ", done.stderr)
        self.assertEqual(done.installed, ["libfmt-dev"])

    def test_without_what_there_is_no_doing_without_nothing_is_installed(self):
        done = self.install(missing=["libfmt-dev", "libexpected-dev", "libgloo-dev"], unknown=["libexpected-dev", "libgloo-dev"])
        self.assertEqual(done.returncode, 3)
        self.assertIn("no doing without libexpected-dev.", done.stderr)
        self.assertIn("universe", done.stderr)
        self.assertEqual(done.installed, [])

    def test_no_install_says_how_to_and_stops_for_what_there_is_no_doing_without(self):
        done = self.install("--no-install", missing=["libfmt-dev", "libgloo-dev"])
        self.assertEqual((done.returncode, done.installed), (3, []))
        self.assertIn("apt-get install libfmt-dev libgloo-dev\n", done.stderr)

    def test_no_install_goes_on_without_what_there_is_doing_without(self):
        done = self.install("--no-install", missing=["libgloo-dev"])
        self.assertEqual((done.returncode, done.installed), (0, []))
        self.assertIn("Going on without", done.stderr)


if __name__ == "__main__":
    main()
