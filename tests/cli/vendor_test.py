# SPDX-License-Identifier: Apache-2.0
"""scripts/vendor-headers and scripts/vendor-headers.cmake: where the vendor's headers are missing they are fetched as they are
pinned, or said to be missing; nothing here reaches for the network."""
import os
import shutil
import subprocess
import unittest
import zipfile

from command_line import SOURCE, CommandTest, main

SCRIPT = SOURCE / "scripts/vendor-headers"


class VendorTest(CommandTest):
    def setUp(self):
        super().setUp()
        if any(os.path.exists(f"{place}/include/nvml.h") for place in ("/usr/local/cuda", "/usr")):
            raise unittest.SkipTest("the CUDA toolkit here has nvml.h, so that nothing is to be fetched")

    def fetch(self, *arguments, **environ):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
        done = subprocess.run([SCRIPT, *arguments], cwd=self.folder, capture_output=True, text=True, check=False,
                              env={**clean, "PIP_NO_INDEX": "1", **environ})
        return done

    def test_without_a_network_it_says_what_is_left_out_and_does_not_fail(self):
        done = self.fetch("vendor")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nvidia-nvml-dev==13.0.87 cannot be had; what needs its nvml.h is left out", done.stderr)
        self.assertFalse((self.folder / "vendor/include").exists())

    def test_no_install_says_what_is_missing_and_fetches_nothing(self):
        done = self.fetch("--no-install", "vendor")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("has no nvml.h, and it is not fetched", done.stderr)
        self.assertFalse((self.folder / "vendor").exists())

    def test_without_a_cuda_toolkit_it_goes_on_all_the_same(self):
        path = os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep)
                               if not os.path.exists(os.path.join(folder, "nvcc")))
        done = self.fetch("--no-install", "vendor", PATH=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("has no nvml.h, and it is not fetched", done.stderr)

    def test_a_package_that_is_not_the_pinned_one_is_refused(self):
        name = "nvidia_nvml_dev-13.0.87"
        with zipfile.ZipFile(self.folder / f"{name}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("nvidia/cu13/include/nvml.h", "#error not the vendor's\n")
            wheel.writestr(f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: nvidia-nvml-dev\nVersion: 13.0.87\n")
            wheel.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{name}.dist-info/RECORD", "")
        done = self.fetch("vendor", PIP_FIND_LINKS=str(self.folder))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Expected sha256 0828713", done.stderr)
        self.assertFalse((self.folder / "vendor/include/nvml.h").exists())

    def test_what_is_there_is_not_fetched_again(self):
        for header, package in (("nvml.h", "nvidia-nvml-dev==13.0.87"), ("cufile.h", "nvidia-cufile==1.15.1.6")):
            for folder, content in (("include", "here\n"), ("from", package)):
                (self.folder / "vendor" / folder).mkdir(parents=True, exist_ok=True)
                (self.folder / "vendor" / folder / header).write_text(content)
        done = self.fetch("vendor")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_cmake_leaves_nvml_out_with_a_line_where_its_header_is_missing(self):
        if shutil.which("cmake") is None:
            self.skipTest("cmake is not on the PATH")
        (self.folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(nothing LANGUAGES NONE)\n"
            f"include({SOURCE}/scripts/vendor-headers.cmake)\n"
            "foreach(target vendor::nvml vendor::cufile)\n  if(TARGET ${target})\n    message(STATUS \"has ${target}\")\n"
            "  endif()\nendforeach()\n")

        def configure(vendor):
            shutil.rmtree(self.folder / "build", True)
            done = subprocess.run(["cmake", "-S", self.folder, "-B", self.folder / "build",
                                   f"-DMILLRACE_VENDOR_FOLDER={vendor}"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        without = configure(self.folder / "nowhere")
        self.assertIn("NVML is left out", without)
        self.assertNotIn("has vendor::", without)
        for file in ("include/nvml.h", "include/cufile.h", "lib/libcufile.so.0"):
            (self.folder / "vendor" / file).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "vendor" / file).touch()
        there = configure(self.folder / "vendor")
        self.assertIn("has vendor::nvml", there)
        self.assertIn("has vendor::cufile", there)


if __name__ == "__main__":
    main()
