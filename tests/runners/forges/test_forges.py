"""Webhooks of every forge: proofs, fields, notes; and whatever else a stranger may send."""

import base64
import hashlib
import hmac
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BadSignature, NotFound, Refused, Unsupported
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.intake.decide import decide
from pipeline.intake.push import Hook, Push, RefKind
from pipeline.secret import Secret
from runners.forges import Forges, forge, known

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
COMMIT, TAG_OBJECT, BEFORE, ZEROS = "c" * 40, "a" * 40, "b" * 40, "0" * 40
SECRET = "It's a Secret to Everybody"
SIGNING = "whsec_" + base64.b64encode(b"k" * 32).decode()
# Bodies as forges really send them, when somebody has collected some.
PAYLOADS = Path(os.environ.get("SHIPWAY_PAYLOADS", Path(__file__).parents[4] / "shared" / "payloads"))


def repository(name: str, secret: str = SECRET, signing: str = "") -> Repository:
    return Repository("https://example.com/x.git", name, "acme/shop", Secret(secret), Secret(signing))


def gitlab(**changes: Any) -> dict[str, Any]:
    return {
        "object_kind": "push",
        "before": BEFORE,
        "after": COMMIT,
        "ref": "refs/heads/main",
        "checkout_sha": COMMIT,
        "user_username": "ada",
        "project": {"path_with_namespace": "acme/shop"},
        "commits": [{"id": BEFORE, "message": "[skip ci]"}, {"id": COMMIT, "message": "Add a shop"}],
    } | changes


def github(**changes: Any) -> dict[str, Any]:
    return {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": COMMIT,
        "forced": True,
        "repository": {"full_name": "acme/shop"},
        "head_commit": {"id": COMMIT, "message": "Add a shop"},
        "sender": {"login": "ada"},
    } | changes


def ours(**changes: Any) -> dict[str, Any]:
    update = {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": COMMIT,
        "commit": COMMIT,
        "message": "Add a shop",
    }
    return {
        "project": "acme/shop",
        "updates": [update],
        "pusher": "ada",
        "delivery": "d-1",
        "options": [],
    } | changes


def proof(name: str, body: bytes, secret: str = SECRET, now: datetime = NOW) -> dict[str, str]:
    if name == "gitlab":
        return {"x-gitlab-token": secret}
    if name == "github":
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return {"x-github-event": "push", "x-hub-signature-256": f"sha256={digest}"}
    stamp = str(int(now.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"x-shipway-timestamp": stamp, "x-shipway-signature": f"sha256={digest}"}


def signed(body: bytes, stamp: str = "", key: bytes = b"k" * 32) -> dict[str, str]:
    stamp = stamp or str(int(NOW.timestamp()))
    digest = hmac.new(key, f"m-1.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1,b2xk v1," + base64.b64encode(digest).decode()
    return {"webhook-id": "m-1", "webhook-timestamp": stamp, "webhook-signature": signature}


def read(name: str, payload: dict[str, Any], **headers: str) -> Hook:
    body = json.dumps(payload).encode()
    return forge(name).read(proof(name, body) | headers, body, repository(name), NOW)


BODIES = {"gitlab": gitlab, "github": github, "git": ours}
each_forge = pytest.mark.parametrize("name", sorted(BODIES))

# ------------------------------------------------------------------------------------------------ the table


def test_the_table_names_every_forge():
    assert set(known()) == set(Forges()) == set(BODIES)
    assert len(Forges()) == 3
    assert "svn" not in Forges()


def test_an_unknown_forge_is_told():
    with pytest.raises(NotFound, match=r"There is no forge 'svn'\. Known: git, github, gitlab"):
        forge("svn")


# ------------------------------------------------------------------------------------------------ what is read


@each_forge
def test_a_push_is_read(name):
    (push,) = read(name, BODIES[name]()).pushes

    assert push == Push(
        forge=name,
        project="acme/shop",
        kind=RefKind.BRANCH,
        ref="main",
        commit=COMMIT,
        before=BEFORE,
        author="ada",
        message="Add a shop",
        forced=name == "github",
    )


@each_forge
def test_the_project_is_read_before_anything_is_proved(name):
    assert Forges()[name].project({}, json.dumps(BODIES[name]()).encode()) == "acme/shop"


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        (
            "gitlab",
            gitlab(object_kind="tag_push", ref="refs/tags/v1", after=TAG_OBJECT, message="One", commits=[]),
        ),
        ("github", github(ref="refs/tags/v1", after=TAG_OBJECT)),
        (
            "git",
            ours(updates=[{"ref": "refs/tags/v1", "before": ZEROS, "after": TAG_OBJECT, "commit": COMMIT}]),
        ),
    ],
)
def test_an_annotated_tag_builds_its_commit(name, payload):
    (push,) = read(name, payload).pushes

    assert (push.kind, push.ref, push.commit) == (RefKind.TAG, "v1", COMMIT)


@pytest.mark.parametrize("zeros", ["0" * 40, "0" * 64])
@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("gitlab", lambda zeros: gitlab(after=zeros, checkout_sha=None, commits=[])),
        ("github", lambda zeros: github(after=zeros, head_commit=None)),
        ("git", lambda zeros: ours(updates=[{"ref": "refs/heads/main", "before": BEFORE, "after": zeros}])),
    ],
)
def test_a_deleted_branch_is_told_as_such(name, payload, zeros):
    (push,) = read(name, payload(zeros)).pushes

    assert push.deleted


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("gitlab", gitlab(before=ZEROS, commits=[])),
        ("gitlab", {key: value for key, value in gitlab().items() if key not in ("commits", "checkout_sha")}),
        ("github", github(before=ZEROS, head_commit=None, sender=None, pusher={"name": "ada"})),
        ("github", github(sender=None)),
        ("git", ours(updates=[{"ref": "refs/heads/main", "before": ZEROS, "after": COMMIT}])),
    ],
)
def test_a_branch_without_news_is_a_push_too(name, payload):
    assert [push.commit for push in read(name, payload).pushes] == [COMMIT]


def test_a_sha256_repository_is_understood():
    long = "d" * 64

    assert read("gitlab", gitlab(after=long, checkout_sha=long, before="0" * 64)).pushes[0].commit == long


def test_a_tag_on_no_commit_is_nothing_to_build():
    hook = read("gitlab", gitlab(object_kind="tag_push", ref="refs/tags/tree", checkout_sha=None))

    assert (hook.pushes, hook.note) == ((), "tag 'tree' does not point at a commit")


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("gitlab", gitlab(ref="refs/notes/x")),
        ("github", github(ref="refs/heads/")),
        ("git", ours(updates=[{"ref": "refs/notes/x", "before": ZEROS, "after": COMMIT}])),
        ("git", ours(updates=[])),
    ],
)
def test_other_refs_are_nothing_to_build(name, payload):
    hook = read(name, payload)

    assert (hook.pushes, bool(hook.note)) == ((), True)


@pytest.mark.parametrize(
    ("event", "note"),
    [
        ("ping", "ping: GitHub can reach Shipway and both know the same secret"),
        ("pull_request", "pull requests are not built yet"),
        ("star", "event 'star' is nothing to build"),
    ],
)
def test_other_events_of_github_have_a_note(event, note):
    hook = read("github", github(), **{"x-github-event": event})

    assert (hook.pushes, hook.note, hook.event) == ((), note, event)


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("merge_request", "merge requests are not built yet"),
        ("pipeline", "event 'pipeline' is nothing to build"),
    ],
)
def test_other_events_of_gitlab_have_a_note(kind, note):
    assert read("gitlab", gitlab(object_kind=kind)).note == note


def test_a_system_hook_is_read_by_its_event_name():
    payload = gitlab(object_kind=None, event_name="push")

    assert read("gitlab", payload).pushes[0].commit == COMMIT


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, {}),
        ([], {}),
        (None, {}),
        ({"ci": {"skip": True}}, {"ci.skip": "true"}),
        ({"ci": {"variable": "A=b"}, "mr": "x"}, {"ci.variable": "a=b", "mr": "x"}),
    ],
)
def test_push_options_of_gitlab_are_flattened(given, options):
    assert read("gitlab", gitlab(push_options=given)).pushes[0].options == options


def test_push_options_of_git_are_split():
    options = read("git", ours(options=["ci.skip", "note=a=b"])).pushes[0].options

    assert options == {"ci.skip": "", "note": "a=b"}


def test_several_refs_of_one_push_are_all_read():
    updates = [{"ref": f"refs/heads/{ref}", "before": ZEROS, "after": COMMIT} for ref in "abc"]

    assert [push.ref for push in read("git", ours(updates=updates)).pushes] == ["a", "b", "c"]


def test_what_people_wrote_cannot_hurt_a_database():
    payload = gitlab(user_username="a\0\ud800" + "x" * 500, commits=[{"id": COMMIT, "message": "m" * 9000}])

    push = read("gitlab", payload).pushes[0]

    assert push.author.startswith("a?xxx")
    assert (len(push.author), len(push.message)) == (199, 4000)


# ------------------------------------------------------------------------------------------------ one delivery, one key


@pytest.mark.parametrize(
    ("name", "headers", "key"),
    [
        ("gitlab", {"webhook-id": "w-1", "idempotency-key": "i-1"}, "w-1"),
        ("gitlab", {"idempotency-key": "i-1"}, "i-1"),
        (
            "github",
            {"x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"},
            "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        ),
        ("git", {}, "d-1"),
    ],
)
def test_the_forges_own_id_is_the_key(name, headers, key):
    assert read(name, BODIES[name](), **headers).key == key


@pytest.mark.parametrize("delivery", ["", "x" * 201, "a b", "\0", "é"])
def test_without_a_usable_id_the_body_is_the_key(delivery):
    keys = {
        read("gitlab", gitlab(**change), **{"idempotency-key": delivery}).key
        for change in ({}, {}, {"after": TAG_OBJECT}, {"project": {"path_with_namespace": "acme/other"}})
    }

    assert len(keys) == 3
    assert all(key.startswith("sha256:") and len(key) == 71 for key in keys)


def test_ids_that_change_on_a_resend_are_no_keys():
    headers = {"x-gitlab-event-uuid": "e-1", "x-gitlab-webhook-uuid": "w-1"}

    assert read("gitlab", gitlab(), **headers).key.startswith("sha256:")


# ------------------------------------------------------------------------------------------------ proofs


@each_forge
@pytest.mark.parametrize(
    ("given", "wanted"), [("wrong", SECRET), ("", SECRET), ("", ""), (SECRET, ""), ("é", "e")]
)
def test_a_wrong_secret_is_refused(name, given, wanted):
    body = json.dumps(BODIES[name]()).encode()

    with pytest.raises(BadSignature):
        forge(name).read(proof(name, body, given), body, repository(name, wanted), NOW)


@each_forge
def test_a_missing_proof_is_refused_with_what_to_do(name):
    body = json.dumps(BODIES[name]()).encode()

    with pytest.raises(BadSignature, match=r"missing. (Set|Run)"):
        forge(name).read({"x-github-event": "push"}, body, repository(name), NOW)


@pytest.mark.parametrize("name", ["github", "git"])
def test_a_changed_body_is_refused(name):
    body = json.dumps(BODIES[name]()).encode()

    with pytest.raises(BadSignature):
        forge(name).read(proof(name, body), body.replace(b"main", b"evil"), repository(name), NOW)


def test_githubs_own_example_fits():
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    headers = {
        "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    }

    with pytest.raises(Refused, match="is not JSON"):
        forge("github").read(headers, b"Hello, World!", repository("github"), NOW)


def test_proofs_are_checked_before_the_body_is_read():
    with pytest.raises(BadSignature):
        forge("github").read({"x-hub-signature-256": "sha256=0"}, b"not JSON", repository("github"), NOW)


@pytest.mark.parametrize("skew", [-299, 0, 299])
def test_a_signed_delivery_of_gitlab_is_read(skew):
    body = json.dumps(gitlab()).encode()
    headers = signed(body, str(int(NOW.timestamp()) + skew))

    assert forge("gitlab").read(headers, body, repository("gitlab", signing=SIGNING), NOW).key == "m-1"


def test_an_unsigned_delivery_is_refused_though_its_token_fits():
    body = json.dumps(gitlab()).encode()

    with pytest.raises(BadSignature, match="The delivery is not signed"):
        forge("gitlab").read({"x-gitlab-token": SECRET}, body, repository("gitlab", signing=SIGNING), NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "m-2"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v2,é"},
        {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "-1"},
    ],
)
def test_a_changed_part_of_a_signed_delivery_is_refused(change):
    body = json.dumps(gitlab()).encode()

    with pytest.raises(BadSignature):
        forge("gitlab").read(signed(body) | change, body, repository("gitlab", signing=SIGNING), NOW)


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24 * 365])
@pytest.mark.parametrize("name", ["gitlab", "git"])
def test_an_old_or_early_delivery_is_refused(name, minutes):
    body = json.dumps(BODIES[name]()).encode()
    then = NOW + timedelta(minutes=minutes)
    headers = signed(body, str(int(then.timestamp()))) if name == "gitlab" else proof(name, body, now=then)

    with pytest.raises(BadSignature, match="more than 5 minutes off"):
        forge(name).read(headers, body, repository(name, signing=SIGNING), NOW)


@pytest.mark.parametrize("signing", ["whsec_é", "whsec_a", "whsec_!!!!"])
def test_an_unusable_signing_secret_is_told(signing):
    body = json.dumps(gitlab()).encode()

    with pytest.raises(BadSignature, match="is not a signing token"):
        forge("gitlab").read(signed(body), body, repository("gitlab", signing=signing), NOW)


# ------------------------------------------------------------------------------------------------ malformed


@each_forge
@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"a":' * 100_000, "is not JSON"),
        (b'{"a":' + b"9" * 10_000 + b"}", "is not JSON"),
        (b"{}", "is missing; it must be"),
    ],
)
def test_a_malformed_body_is_refused_with_what_is_wrong(name, body, what):
    with pytest.raises(Refused, match=what):
        forge(name).project({}, body)
    with pytest.raises(Refused, match=what):
        forge(name).read(proof(name, body), body, repository(name), NOW)


@each_forge
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_is_unsupported(name, kind):
    with pytest.raises(Unsupported, match="application/json"):
        forge(name).project({"content-type": kind}, b"payload=%7B%7D")


@pytest.mark.parametrize(
    ("name", "payload", "field"),
    [
        ("gitlab", gitlab(project=[]), "project' is not an object"),
        ("gitlab", gitlab(project={"path_with_namespace": 1}), "project.path_with_namespace' is not a text"),
        ("gitlab", gitlab(project={"path_with_namespace": "a\0"}), "without NUL or broken characters"),
        ("gitlab", gitlab(project={"path_with_namespace": "\ud800"}), "without NUL or broken characters"),
        ("gitlab", gitlab(ref=None), "ref' is missing"),
        ("gitlab", gitlab(after="x" * 40), "after' is not a commit"),
        ("gitlab", gitlab(after=COMMIT + "\n"), "after' is not a commit"),
        ("gitlab", gitlab(after="C" * 40), "after' is not a commit"),
        ("gitlab", gitlab(before=None), "before' is missing; it must be a commit"),
        ("gitlab", gitlab(checkout_sha=1), "checkout_sha' is not a commit"),
        ("gitlab", gitlab(commits={}), "commits' is not a list of objects"),
        ("gitlab", gitlab(commits=[1]), "commits' is not a list of objects"),
        ("gitlab", gitlab(commits=[{"id": COMMIT, "message": 1}]), r"commits\[0\].message' is not a text"),
        ("gitlab", gitlab(push_options="x"), "push_options' is not an object"),
        ("gitlab", gitlab(object_kind=1), "object_kind' is not a text"),
        ("github", github(forced="yes"), "forced' is not true or false"),
        ("github", github(head_commit={"id": "x"}), "head_commit.id' is not a commit"),
        ("github", github(repository="x"), "repository' is not an object"),
        ("git", ours(updates=None), "updates' is missing"),
        ("git", ours(updates=[{"ref": "refs/heads/a"}]), r"updates\[0\].after' is missing"),
        ("git", ours(options="ci.skip"), "options' is not a list of texts"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(name, payload, field):
    with pytest.raises(Refused, match=field):
        read(name, payload)


def test_github_without_its_event_header_is_refused():
    with pytest.raises(Refused, match="X-GitHub-Event is missing"):
        read("github", github(), **{"x-github-event": ""})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([COMMIT, ZEROS, "refs/heads/a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@each_forge
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_mutated_body_is_read_or_refused(name, data):
    payload = BODIES[name]()
    for key in data.draw(st.lists(st.sampled_from(sorted(payload)), max_size=3)):
        payload[key] = data.draw(JSON)
    body = json.dumps(payload).encode()

    try:
        hook = forge(name).read(proof(name, body), body, repository(name), NOW)
    except Refused:
        return
    assert hook.pushes or hook.note
    assert json.dumps(hook.project).encode().isascii()


@each_forge
@given(
    body=st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    headers=st.dictionaries(st.text(), st.text()),
)
@settings(max_examples=150, deadline=None)
def test_whatever_comes_is_refused(name, body, headers):
    for call in (
        lambda: forge(name).project(headers, body),
        lambda: forge(name).read(headers | proof(name, body), body, repository(name), NOW),
        lambda: forge(name).read(headers, body, repository(name, signing=SIGNING), NOW),
    ):
        with pytest.raises(Refused):
            call()


# ------------------------------------------------------------------------------------------------ real bodies


def recorded() -> list[dict[str, Any]]:
    index = PAYLOADS / "INDEX.json"
    return (
        [entry for entry in json.loads(index.read_text()) if entry["forge"] in BODIES]
        if index.exists()
        else []
    )


@pytest.mark.skipif(not recorded(), reason="no recorded bodies here; SHIPWAY_PAYLOADS names their folder")
@pytest.mark.parametrize("entry", recorded(), ids=lambda entry: entry["file"])
def test_a_recorded_body_is_decided_as_expected(entry):
    name = entry["forge"]
    body = (PAYLOADS / entry["file"]).read_bytes().removesuffix(b"\n")
    headers = proof(name, body) | {key.lower(): value for key, value in entry["headers"].items()}

    hook = forge(name).read(headers, body, repository(name), NOW)

    everything = Environment("shop", "production", (), branches=("*",), tags=("*",))
    service = Service("shop", repository(name), environments={"production": everything})
    runs = [decision for push in hook.pushes if not isinstance(decision := decide(push, service), str)]
    wanted = entry["decision"].startswith("build") and entry["kind"] in ("push", "tag")
    assert bool(runs) == wanted
    assert bool(hook.pushes) or bool(hook.note)
    assert not wanted or runs[0][0].commit == entry.get("checkout_sha", entry["after"])
