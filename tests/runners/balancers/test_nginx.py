"""An nginx that a team runs on Shipway's machine: whose the file is, what becomes of it when nginx does not take it."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.errors import ConfigRefused, Rejected, Unreachable
from pipeline.fleet.balancer import BalancerKind, LoadBalancer, MemberState, Target
from runners.balancers.nginx import Nginx
from runners.patience import Patience
from tests.parts.balancers import proxy_grounds
from tests.parts.balancers.ground import Ground

ONCE = Patience(deadline=0.0)


@pytest.fixture
def ground() -> Iterator[Ground]:
    with proxy_grounds.nginx() as made:
        yield made


def file_of(ground: Ground) -> Path:
    return Path(urlsplit(ground.entry.endpoint).path).parent / "conf.d" / "shipway-web.conf"


@pytest.mark.parametrize("text", ["10.0.0.1; }", "a\nb", "", "a b"])
def test_nothing_but_an_address_gets_into_the_file(text, tmp_path):
    entry = LoadBalancer("entry", BalancerKind.NGINX, "web", endpoint=f"file://{tmp_path}/nginx.conf")

    with pytest.raises(Rejected, match="is no address; correct `instance` of its host"):
        Nginx(entry, ONCE).admit([Target(text, 80)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.live
def test_a_parked_member_stays_in_the_file(ground: Ground):
    first = ground.targets[0]
    ground.balancer.park([first])

    assert f"    server {first} down;\n" in file_of(ground).read_text()


@pytest.mark.live
def test_without_any_member_it_still_loads(ground: Ground):
    ground.balancer.park(ground.targets)
    ground.balancer.remove(ground.targets)

    assert ground.balancer.members() == {}
    ground.balancer.admit(ground.targets[:1])
    ground.serving(ground.targets[:1])


@pytest.mark.live
def test_a_file_that_nginx_does_not_include_is_told_and_taken_back(ground: Ground):
    configuration = Path(urlsplit(ground.entry.endpoint).path)
    other = replace(ground.entry, id="other")
    configuration.write_text(configuration.read_text().replace("conf.d/*.conf", "conf.d/shipway-web.conf"))

    with pytest.raises(
        Rejected, match=r"does not include .*Write `include .*/conf\.d/\*\.conf;` into its http"
    ):
        Nginx(other, ONCE).admit(ground.targets)
    assert not file_of(ground).with_name("shipway-other.conf").exists()


@pytest.mark.live
def test_a_configuration_that_does_not_load_leaves_everything_as_it_is(ground: Ground):
    broken = file_of(ground).with_name("broken.conf")
    broken.write_text("nonsense on;\n")
    before = file_of(ground).read_text()

    with pytest.raises(ConfigRefused, match="unknown directive"):
        ground.balancer.park(ground.targets[:1])
    assert file_of(ground).read_text() == before
    broken.unlink()
    ground.serving()


@pytest.mark.live
def test_a_file_that_was_changed_and_not_loaded_is_not_believed_until_it_is(ground: Ground):
    file = file_of(ground)
    later = file.stat().st_mtime + 60
    os.utime(file, (later, later))

    assert {ground.state(one) for one in ground.targets} == {MemberState.UNKNOWN}
    os.utime(file)
    ground.balancer.admit(ground.targets)
    ground.serving()


@pytest.mark.live
def test_one_that_does_not_run_is_unreachable(ground: Ground):
    pid = Path(urlsplit(ground.entry.endpoint).path).parent / "pid"
    pid.write_text("999999999\n")

    with pytest.raises(Unreachable, match="does not run: start it"):
        Nginx(ground.entry, ONCE).members()
