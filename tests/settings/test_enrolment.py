"""`enrolment`: where hosts join, and that an environment may wait for them."""

import pytest

from pipeline.enrolment.doorway import Doorway
from pipeline.errors import BadConfig
from pipeline.settings_file import parse_settings

SHOP = """
services:
  shop:
    repository: {url: "https://git.example.com/acme/shop.git", secret: hush}
    environments: {production: {branches: [main], hosts: {role: web}}}
"""


def settings(text: str):
    return parse_settings(text, {}, lambda path: "", "/etc/shipway")


def test_nobody_joins_unless_it_is_said():
    assert settings("server: {}").enrolment is None


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ("address: Door.example.com", ("door.example.com",)),
        ("address: [10.0.0.1, door.example.com, 10.0.0.1]", ("10.0.0.1", "door.example.com")),
    ],
)
def test_door_has_its_addresses(written, addresses):
    assert settings(f"enrolment: {{{written}}}").enrolment == Doorway("0.0.0.0:8443", addresses)


def test_door_is_named_as_hosts_name_it():
    door = Doorway("0.0.0.0:8443", ("fd00::1", "door.example.com"))

    assert door.url == "https://[fd00::1]:8443"
    assert door.places == ("[fd00::1]:8443", "door.example.com:8443")


@pytest.mark.parametrize("address", ["''", "[]", "a b", "x;y", "https://door.example.com", "[1, [2]]"])
def test_address_that_is_none_is_told(address):
    with pytest.raises(BadConfig, match=r"enrolment\.address"):
        settings(f"enrolment: {{address: {address}}}")


def test_labels_that_no_host_has_yet_are_fine_where_hosts_join():
    with pytest.raises(BadConfig, match="no host has the labels"):
        settings(SHOP)
    joining = settings(SHOP + "enrolment: {address: 10.0.0.1}\n")

    assert joining.environment("shop", "production").selector == {"role": "web"}
