"""The sample service's own tests pass where they are meant to run: in its folder."""

import subprocess
import sys
from pathlib import Path

APP = Path(__file__).parent / "sample_app"


def test_the_sample_service_passes_its_own_tests():
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        ".",
    ]
    done = subprocess.run(words, cwd=APP, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout
