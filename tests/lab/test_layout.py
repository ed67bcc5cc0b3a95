"""Names and addresses of a lab follow from its folder, and two labs never share one."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from tests.lab import layout
from tests.lab.image import _merged
from tests.lab.layout import Lab
from tests.lab.packages import _runs
from tests.lab.recipes import RECIPES

NET = IPv4Network("10.78.0.0/24")


def test_two_labs_share_no_interface_and_no_namespace():
    one, two = (Lab(Path(f"/var/tmp/shipway-lab-{name}"), NET, hosts=9) for name in ("a", "b"))

    assert one.bridge != two.bridge
    assert not {m.namespace for m in one.machines} & {m.namespace for m in two.machines}
    assert not {m.link for m in one.machines} & {m.link for m in two.machines}


def test_interface_names_fit_in_the_kernel():
    lab = Lab(Path("/var/tmp/shipway-lab-with-a-very-long-name-indeed"), NET, hosts=80, tls=True, ssh=True)

    assert all(len(machine.link) <= 15 for machine in lab.machines)
    assert len(lab.bridge) <= 15


def test_machines_have_addresses_of_their_own():
    lab = Lab(Path("/x"), NET, hosts=80, tls=True, ssh=True)
    addresses = [machine.address for machine in lab.machines]

    assert len(set(addresses)) == len(addresses) == 83


def test_a_lab_that_was_laid_out_is_found_again(tmp_path: Path):
    lab = Lab(tmp_path / "lab", NET, 5001, 4, tls=True)
    lab.save()

    assert layout.load(tmp_path / "lab") == lab
    assert layout.load(tmp_path / "other") is None


def test_bringing_up_a_smaller_lab_takes_nothing_away():
    lab = layout.widened(Lab(Path("/x"), NET, hosts=5, ssh=True), hosts=3, tls=True, ssh=False)

    assert (lab.hosts, lab.tls, lab.ssh) == (5, True, True)


@pytest.mark.parametrize(
    ("name", "merged"),
    [
        ("./lib/x86_64-linux-gnu/libc.so.6", "usr/lib/x86_64-linux-gnu/libc.so.6"),
        ("./usr/lib/libz.so", "usr/lib/libz.so"),
        ("./bin", ""),
        ("./bin/busybox", "usr/bin/busybox"),
        ("./etc/nginx/", "etc/nginx"),
        ("./library/x", "library/x"),
        ("./", ""),
    ],
)
def test_both_sides_of_the_usr_merge_become_one_tree(name: str, merged: str):
    assert _merged(name) == merged


@pytest.mark.parametrize(
    ("package", "kept"), [("libc6", True), ("libperl5.36", False), ("dpkg", False), ("nginx", True)]
)
def test_only_what_running_programs_need_goes_into_an_image(package: str, kept: bool):
    assert _runs(package, ("nginx",)) is kept


def test_recipes_have_different_names_in_cache_and_registry():
    assert len({recipe.key("amd64") for recipe in RECIPES}) == len(RECIPES)
    assert len({recipe.repository for recipe in RECIPES}) == len(RECIPES)
