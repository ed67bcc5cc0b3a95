"""What a host is given to run: a line that pins our authority, user-data that clouds take."""

import hashlib
import shlex
import subprocess

import pytest
import yaml

from pipeline.assets import templates_dir
from pipeline.enrolment.doorway import Doorway
from pipeline.errors import BadConfig
from runners.papers import SMALLEST_LIMIT, EnrolmentPapers, check_user_data

CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PAPERS = EnrolmentPapers(Doorway("0.0.0.0:8443", ("door.example.com", "fd00::1")))


def test_line_is_one_shell_word_list_that_believes_nothing_before_the_sum():
    shell, option, script = shlex.split(PAPERS.line(CA, "shwj_x"))
    steps = script.split("; ")

    assert (shell, option) == ("sh", "-c")
    mark = hashlib.sha256(CA.encode()).hexdigest()
    check = next(at for at, step in enumerate(steps) if mark in step)
    assert all("-k" not in step for step in steps[check:])
    assert all("--cacert ca.pem" in step for step in steps[check:] if step.startswith("curl"))
    assert steps[0] == "set -e"


def test_script_knows_every_door():
    assert "DOORS='door.example.com:8443 [fd00::1]:8443'" in PAPERS.script
    assert "@doors@" not in PAPERS.script


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_script_is_understood_by_every_shell(shell):
    script = templates_dir() / "enrol" / "enrol.sh"
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, timeout=10, check=False)

    assert done.returncode == 0, done.stderr


def test_user_data_is_cloud_config_within_every_limit():
    text = PAPERS.user_data(CA, "shwj_x")
    read = yaml.safe_load(text)

    assert text.startswith("#cloud-config\n")
    assert len(text.encode()) < SMALLEST_LIMIT / 4
    files = {file["path"]: file for file in read["write_files"]}
    assert files["/etc/shipway/token"] == {
        "path": "/etc/shipway/token",
        "permissions": "0600",
        "content": "shwj_x",
    }
    assert files["/etc/shipway/ca.pem"]["content"] == CA
    assert "shwj_x" not in str(read["runcmd"])
    assert " -k " not in str(read["runcmd"])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("packages: []\n", "#cloud-config"),
        ("#cloud-config\n[]\n", "mapping"),
        ("#cloud-config\na: [\n", "no YAML"),
        ("#cloud-config\npakages: [curl]\n", "'pakages'"),
        ("#cloud-config\nruncmd: reboot\n", "'runcmd'"),
        ("#cloud-config\nwrite_files: [{path: /x}]\n", "path and content"),
        ("#cloud-config\nwrite_files: [{path: /x, content: y, permissions: 0600}]\n", "quotes"),
        ("#cloud-config\n#" + "x" * SMALLEST_LIMIT, "bytes"),
    ],
)
def test_user_data_that_cloud_init_would_only_warn_of_is_refused(text, fault):
    with pytest.raises(BadConfig, match=fault):
        check_user_data(text)
