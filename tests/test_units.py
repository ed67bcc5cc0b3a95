"""The small values of both files."""

import pytest

from pipeline import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10),
        ("5m", 300),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1d", 86400),
        ("30", 30),
        ("0.5", 0.5),
        (30, 30),
        (" 10S ", 10),
        ("0", 0),
    ],
)
def test_durations(text, seconds):
    assert units.duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "-1", "-1s", "nan", "inf", "10 parsecs", "1s x", "400d", None, [1]]
)
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match=r"duration|empty|single"):
        units.duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("256m", 256 << 20),
        ("1g", 1 << 30),
        ("1.5G", 3 << 29),
        ("512MiB", 512 << 20),
        ("64kb", 65536),
        ("10", 10),
    ],
)
def test_sizes(text, size):
    assert units.size(text) == size


@pytest.mark.parametrize("text", ["", "m", "-1m", "1x", "1 g b"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="is not a size"):
        units.size(text)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (1, "1"), (1.5, "1.5"), ("x", "x")]
)
def test_scalars_become_texts(value, text):
    assert units.text(value) == text


@pytest.mark.parametrize("address", ["127.0.0.1:8080", ":8080", "[::1]:80", "localhost:1", "0.0.0.0:65535"])
def test_addresses_to_listen_on(address):
    assert units.listen_address(address) == address


@pytest.mark.parametrize("address", ["8080", "::1:80", "[x]:80", "a b:80", "-x:80", "a:0", "a:65536", "a:x"])
def test_what_is_no_address_to_listen_on(address):
    with pytest.raises(ValueError, match=r"listen on|host name"):
        units.listen_address(address)


@pytest.mark.parametrize("path", ["", "a\x07b", "..", "a\\..\\b"])
def test_what_is_no_inner_path(path):
    with pytest.raises(ValueError, match=r"path"):
        units.inner_path(path)


@pytest.mark.parametrize(
    "url", ["tcp://10.0.0.1:2376", "ssh://deploy@10.0.0.1:22", "ssh://h", "unix:///run/d.sock"]
)
def test_engines(url):
    assert units.engine_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "unix://",
        "unix://x/y",
        "tcp://a@10.0.0.1:1",
        "tcp://h:1/x",
        "ssh://u:p@h",
        "tcp://:1",
        "tcp://h:x",
    ],
)
def test_what_is_no_engine(url):
    with pytest.raises(ValueError, match=r"."):
        units.engine_url(url)


def test_domains_are_lower_case_without_the_last_dot():
    assert units.domain("Shop.Example.com.") == "shop.example.com"


@pytest.mark.parametrize(
    "name", ["", "a..b", "a_b", "a b", "{x}", "x" * 64, ".".join(["x" * 60] * 5), "ä.de"]
)
def test_what_is_no_domain(name):
    with pytest.raises(ValueError, match="is not a host name"):
        units.domain(name)


@pytest.mark.parametrize(
    ("text", "share"), [("5%", 0.05), ("0.5%", 0.005), ("0.05", 0.05), ("0", 0), ("100%", 1)]
)
def test_shares(text, share):
    assert units.share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "101%", "-1%", "%", "5 %", "nan", "", None])
def test_what_is_no_share(text):
    with pytest.raises(ValueError, match=r"share|empty"):
        units.share(text)


@pytest.mark.parametrize(("text", "factor"), [("3x", 3), ("3", 3), ("1.5X", 1.5), ("1", 1)])
def test_factors(text, factor):
    assert units.factor(text) == factor


@pytest.mark.parametrize("text", ["0.9x", "x", "3 x", "inf", "", "-3"])
def test_what_is_no_factor(text):
    with pytest.raises(ValueError, match="factor"):
        units.factor(text)
