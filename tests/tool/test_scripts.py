#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the scripts promise that no board test sees: test_scripts.py ROOT DEPS"""
import os
import subprocess
import sys
import tempfile
import unittest

DEPS, ROOT = sys.argv.pop(), sys.argv.pop()
FIND = 'source "$1/scripts/lib/common.sh"; source "$1/scripts/lib/example.sh"; example_find "$2"; echo "${example_build#"$1/build/"}"'


class Scripts(unittest.TestCase):
    def build_folder(self, example, cwd=ROOT):
        done = subprocess.run(["bash", "-c", FIND, "test", ROOT, example], cwd=cwd, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def test_build_folders(self):
        """An example's is its name; two folders of one name elsewhere have one each, however they are named."""
        self.assertEqual(self.build_folder("virt"), "examples/virt")
        self.assertEqual(self.build_folder("examples/virt"), "examples/virt")
        with tempfile.TemporaryDirectory() as top:
            for folder in ("a/virt", "b/virt"):
                os.makedirs(os.path.join(top, folder))
                open(os.path.join(top, folder, "manifest.dts"), "wb").close()
            found = {self.build_folder(os.path.join(top, f)) for f in ("a/virt", "b/virt")}
            self.assertEqual(len(found | {"examples/virt"}), 3)
            self.assertIn(self.build_folder("./virt", os.path.join(top, "a")), found)

    def test_setup_without_network(self):
        """With everything there setup says nothing and asks no package manager for anything."""
        with tempfile.TemporaryDirectory() as stubs:
            for name in ("apt-get", "apt-cache", "sudo", "curl", "wget"):
                path = os.path.join(stubs, name)
                with open(path, "w", encoding="utf-8") as f:
                    f.write(f"#!/bin/sh\necho {name} was called: $* >&2\nexit 1\n")
                os.chmod(path, 0o755)
            env = os.environ | {"PATH": stubs + ":" + os.environ["PATH"], "MULLION_DEPS": DEPS}
            done = subprocess.run([os.path.join(ROOT, "scripts/setup")], env=env, check=False, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
