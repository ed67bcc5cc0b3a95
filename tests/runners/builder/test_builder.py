"""What can be told about engines and registries without one."""

import re
from types import SimpleNamespace

import docker.errors
import pytest

from pipeline.delivery.orders import BuildOrder, ImageFacts
from pipeline.errors import BadConfig, DiskFull, Rejected, StageFailed, Unreachable
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.secret import Secret
from runners.builder import facts_of, has_buildkit
from runners.builder.building import Build
from runners.builder.copying import regex
from runners.builder.publishing import _failure as push_failure
from runners.builder.pulling import auth_header, split, trouble
from runners.builder.sweeping import sweep
from runners.registries import auth_config

HERE = Host("builder", "unix:///x", "127.0.0.1")
BASIC = RegistryAccess("r:5000", kind="basic", username="ada", password=Secret("pw"))


@pytest.mark.parametrize(
    ("version", "has"),
    [
        ({"ApiVersion": "1.41", "Os": "linux"}, True),
        ({"ApiVersion": "1.52", "Os": "linux", "Components": [{"Name": "Engine"}]}, True),
        ({"ApiVersion": "1.38", "Os": "linux"}, False),
        ({"ApiVersion": "1.41", "Os": "windows"}, False),
        ({"ApiVersion": "1.41", "Os": "linux", "Components": [{"Name": "Podman Engine"}]}, False),
        ({}, False),
    ],
)
def test_buildkit_is_used_where_it_is(version, has):
    assert has_buildkit(version) is has


@pytest.mark.parametrize(
    ("config", "facts"),
    [
        ({}, ImageFacts()),
        ({"Healthcheck": {"Test": ["NONE"]}}, ImageFacts()),
        ({"Healthcheck": {"Test": ["CMD", "true"]}}, ImageFacts(healthcheck=True)),
        ({"ExposedPorts": {"443/tcp": {}, "80": {}, "53/udp": {}}}, ImageFacts(ports=(80, 443))),
    ],
)
def test_image_tells_its_facts(config, facts):
    assert facts_of(config) == facts


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("busybox", ("busybox", "latest")),
        ("r:5000/a/b", ("r:5000/a/b", "latest")),
        ("r:5000/a/b:1", ("r:5000/a/b", "1")),
        ("a@sha256:0", ("a", "sha256:0")),
    ],
)
def test_name_and_tag_are_told_apart(image, parts):
    assert split(image) == parts


def build_failure(said, missing=None):
    order = BuildOrder(7, "shop", "/", "Dockerfile", "", {}, "t", {}, 1.0, "FROM x")
    build = Build(None, HERE, RegistryAccess(""), order, print)
    build._missing = missing or {}
    return build._failure(said)


@pytest.mark.parametrize(
    ("said", "kind", "part"),
    [
        (
            "executor failed running [/bin/sh -c make]: exit code: 2",
            StageFailed,
            "`make` ended with exit code 2",
        ),
        (
            'process "/bin/sh -c make x" did not complete successfully: exit code: 2',
            StageFailed,
            "`make x` ended",
        ),
        (
            "The command '/bin/sh -c make' returned a non-zero code: 2",
            StageFailed,
            "`make` ended with exit code 2",
        ),
        ("failed to compute cache key: /x: no space left on device", DiskFull, "no space left"),
        (
            "failed to do request: Head https://x: dial tcp: lookup x: no such host",
            Unreachable,
            "could not fetch",
        ),
        ("secret NPM_TOKEN not found: not found", StageFailed, "the secret NPM_TOKEN, which build.secrets"),
        ("secret NPM_TOKEN: not found", StageFailed, "the secret NPM_TOKEN, which build.secrets"),
        ("no active sessions", StageFailed, "a secret or a file of the client, which build.secrets"),
        ("exec /bin/sh: exec format error", StageFailed, "cannot run programs of that platform"),
        ("dockerfile parse error line 1: unknown instruction: X", StageFailed, "unknown instruction"),
    ],
)
def test_failed_build_is_blamed_on_the_right_one(said, kind, part):
    failure = build_failure(said)

    assert type(failure) is kind
    assert part in str(failure)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"secrets": {"A": Secret("x")}}, "build.secrets of"),
        ({"platform": "linux/arm64", "cache": True}, "build.platform and build.cache of"),
    ],
)
def test_what_needs_buildkit_is_said_where_there_is_none(asked, named):
    order = BuildOrder(7, "shop", "/", "Dockerfile", "", {}, "t", {}, 1.0, "FROM x", **asked)
    build = Build(None, HERE, RegistryAccess(""), order, print)

    with pytest.raises(
        StageFailed, match=f"{named} .shipway.yml need BuildKit, and the builder's engine at unix:///x"
    ):
        build.run(False, lambda: False)


@pytest.mark.parametrize(
    ("error", "kind"), [(Unreachable("down"), Unreachable), (Rejected("no"), StageFailed)]
)
def test_base_that_could_not_be_pulled_is_the_reason(error, kind):
    failure = build_failure("pull access denied for r/base, repository does not exist", {"r/base:1": error})

    assert type(failure) is kind
    assert str(error) in str(failure)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("unauthorized: authentication required", Rejected),
        ("denied: requested access to the resource is denied", Rejected),
        ("received unexpected HTTP status: 500 Internal Server Error", Unreachable),
        ("dial tcp 10.0.0.1:5000: connect: connection refused", Unreachable),
        ("write /var/lib: no space left on device", DiskFull),
    ],
)
def test_failed_push_is_told_apart(said, kind):
    assert type(push_failure("r/shop", said)) is kind


@pytest.mark.parametrize(
    ("said", "kind"),
    [("manifest unknown", Rejected), ("i/o timeout", Unreachable), ("no space left on device", DiskFull)],
)
def test_failed_pull_is_told_apart(said, kind):
    assert type(trouble("x cannot be pulled", said)) is kind


def test_credentials_only_go_to_their_own_registry():
    assert auth_header("r:5000/a", BASIC) != auth_header("evil:5000/a", BASIC)
    assert auth_header("evil:5000/a", BASIC) == {"X-Registry-Auth": "e30="}
    assert auth_header("r:5000.evil/a", BASIC) == {"X-Registry-Auth": "e30="}


def test_login_is_what_the_operators_file_says():
    assert auth_config(RegistryAccess("r:5000")) == {}
    assert auth_config(BASIC) == {"username": "ada", "password": "pw", "serveraddress": "r:5000"}


@pytest.mark.parametrize(
    ("access", "part"),
    [
        (RegistryAccess("r", kind="ecr"), "kind ecr cannot read a region from r"),
        (RegistryAccess("r", kind="acr"), "kind acr cannot read a region from r"),
        (RegistryAccess("r", kind="x"), "Known kinds: none, basic"),
        (RegistryAccess("r", kind="basic"), "needs a username"),
    ],
)
def test_login_that_cannot_be_is_a_sentence(access, part):
    with pytest.raises(BadConfig, match=re.escape(part)):
        auth_config(access)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("/app/reports/*.xml", "/app/reports/a.xml", True),
        ("/app/reports/*.xml", "/app/reports/b/a.xml", False),
        ("/app/**/*.xml", "/app/b/c/a.xml", True),
        ("/app/**/*.xml", "/app/a.xml", True),
        ("/app/a.xml", "/app/aaxml", False),
        ("/app/reports", "/app/reports/b/a.xml", True),
        ("/app/reports", "/app/reports2/a.xml", False),
    ],
)
def test_report_patterns_are_those_of_a_shell(pattern, name, matches):
    assert bool(regex(pattern).fullmatch(name)) is matches


class Shelf:
    """An engine's images, as far as sweeping asks for them."""

    def __init__(self, images):
        self.shelf = images
        self.gone = []

    def containers(self, **_):
        return []

    def networks(self, **_):
        return []

    def images(self, filters):
        wanted = dict(label.split("=") for label in filters["label"])
        return [image for image in self.shelf if wanted.items() <= image["Labels"].items()]

    def remove_image(self, name):
        if name == "in-use":
            raise docker.errors.APIError("conflict", response=SimpleNamespace(status_code=409))
        self.gone.append(name)


def image(run, *tags, number="x", **labels):
    return {
        "Id": number,
        "RepoTags": list(tags),
        "Labels": {"shipway.run": str(run), "shipway.service": "shop", **labels},
    }


def test_sweep_keeps_the_images_that_are_needed_and_what_is_not_named_by_us():
    api = Shelf([*(image(n, f"r/shop:run-{n}") for n in (9, 1, 2, 8)), image(9, "r/shop:precious")])

    sweep(api, 2, "shop", {1, 2}, "")

    assert api.gone == ["r/shop:run-9", "r/shop:run-8"]


def test_sweep_without_a_word_on_what_is_needed_keeps_all():
    api = Shelf([image(n, f"r/shop:run-{n}") for n in range(1, 9)])

    sweep(api, 2, "shop", None, "")

    assert api.gone == []


def test_sweep_leaves_what_another_shipway_made():
    theirs = {"shipway.installation": "theirs"}
    built = [image(1, "r/shop:run-1", **theirs), image(7, "r/shop:run-7-test", **theirs)]
    api = Shelf([*built, image(3, "r/shop:run-3", **{"shipway.installation": "ours"})])

    sweep(api, 7, "shop", set(), "ours")

    assert api.gone == ["r/shop:run-3"]


def test_sweep_removes_images_without_a_name_and_those_for_tests():
    api = Shelf(
        [image(7, number="nameless"), image(7, "r/shop:run-7-test"), image(6, number="of-another-run")]
    )

    sweep(api, 7, "shop", {6, 7}, "")

    assert api.gone == ["nameless", "r/shop:run-7-test"]


def test_sweep_leaves_what_is_in_use():
    sweep(Shelf([image(7, number="in-use")]), 7, "shop", {7}, "")
