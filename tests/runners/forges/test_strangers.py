"""Whatever a stranger may send is refused in words, or read."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Refused
from runners.forges import forge
from tests.runners.forges.bodies import (
    BODIES,
    COMMIT,
    EVENTS,
    FORM,
    NOW,
    SIGNING,
    ZEROS,
    bitbucket,
    change,
    codeup,
    data_center,
    gitea,
    gitee,
    github,
    gitlab,
    ours,
    proof,
    read,
    repository,
    side,
)

each_forge = pytest.mark.parametrize("name", sorted(BODIES))


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
        ("gitea", gitea(after=None), "after' is missing"),
        ("gitea", gitea(repository={}), "repository.full_name' is missing"),
        ("gitea", gitea(pusher="eve", sender=None), "pusher' is not an object"),
        ("gitee", gitee(repository=None, project=None), "repository' is missing"),
        ("gitee", gitee(ref=7), "ref' is not a text"),
        ("bitbucket", bitbucket(push=None), "push' is missing"),
        ("bitbucket", bitbucket(push={"changes": None}), "push.changes' is missing"),
        ("bitbucket", bitbucket(change(new=None, old=None)), r"push.changes\[0\].old' is missing"),
        ("bitbucket", bitbucket(change(new=side(commit="c" * 12))), r"changes\[0\].new.target.hash' is not"),
        ("bitbucket-dc", data_center(repository={"slug": "x"}), "repository.project' is missing"),
        ("bitbucket-dc", data_center(changes=[{"toHash": COMMIT}]), r"changes\[0\].ref' is missing"),
        ("codeup", codeup(repository={}), "repository.git_http_url' is missing"),
        ("codeup", codeup(repository={"git_http_url": "http://[::1"}), "is not a clone address"),
        ("codeup", codeup(repository={"git_http_url": "https://h/"}), "is not a clone address"),
        ("git", ours(updates=None), "updates' is missing"),
        ("git", ours(updates=[{"ref": "refs/heads/a"}]), r"updates\[0\].after' is missing"),
        ("git", ours(options="ci.skip"), "options' is not a list of texts"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(name, payload, field):
    with pytest.raises(Refused, match=field):
        read(name, payload)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("github", "X-GitHub-Event"),
        ("gitea", "X-Gitea-Event"),
        ("forgejo", "X-Gitea-Event"),
        ("bitbucket", "X-Event-Key"),
        ("gitee", "X-Gitee-Event"),
        ("codeup", "X-Codeup-Event"),
    ],
)
def test_a_forge_without_its_event_header_is_refused(name, header):
    payload = BODIES[name](hook_name=None, object_kind=None)

    with pytest.raises(Refused, match=f"{header} is missing"):
        read(name, payload, **dict.fromkeys(EVENTS[name], ""))


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


def mutate(data, value):
    """Any field at any depth dropped or changed."""
    if isinstance(value, dict) and value:
        key = data.draw(st.sampled_from(sorted(value)))
        if data.draw(st.booleans()):
            return {name: inner for name, inner in value.items() if name != key}
        return value | {key: mutate(data, value[key])}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        return [mutate(data, value[0]), *value[1:]]
    return data.draw(JSON)


@each_forge
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_mutated_body_is_read_or_refused(name, data):
    payload = BODIES[name]()
    for _ in range(data.draw(st.integers(1, 3))):
        payload = mutate(data, payload)
    body = json.dumps(payload).encode()
    event = data.draw(st.sampled_from([None, "push", "pull_request", "pr:opened", "Push Hook", "é\0"]))
    headers = EVENTS[name] | (dict.fromkeys(EVENTS[name], event) if event else {}) | proof(name, body)

    try:
        project = forge(name).project(headers, body)
        hook = forge(name).read(headers, body, repository(name), NOW)
    except Refused:
        return
    assert bool(hook.pushes) != bool(hook.note)
    assert hook.project == project
    assert project or not hook.pushes
    assert json.dumps([hook.project, hook.event]).encode().isascii()


@each_forge
@given(
    body=st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    headers=st.dictionaries(st.text(), st.text()),
    form=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_whatever_comes_is_refused(name, body, headers, form):
    headers |= EVENTS[name] | ({"content-type": FORM} if form else {})
    for call in (
        lambda: forge(name).project(headers, body),
        lambda: forge(name).read(headers | proof(name, body), body, repository(name), NOW),
        lambda: forge(name).read(headers, body, repository(name, signing=SIGNING), NOW),
    ):
        with pytest.raises(Refused):
            call()
