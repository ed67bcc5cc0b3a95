"""Webhooks of every forge: proofs, fields, notes; and whatever else a stranger may send."""

import json
from datetime import timedelta
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BadSignature, NotFound, Refused
from pipeline.intake.push import Push, RefKind
from runners.forges import Forges, forge, known
from tests.runners.forges.bodies import (
    BEFORE,
    BODIES,
    COMMIT,
    EVENTS,
    FORM,
    NOW,
    SECRET,
    SIGNED,
    SIGNING,
    TAG_OBJECT,
    ZEROS,
    bitbucket,
    change,
    codeup,
    data_center,
    gitea,
    gitee,
    gitee_signature,
    github,
    gitlab,
    ours,
    proof,
    read,
    ref_change,
    repository,
    side,
    standard_webhook,
)

each_forge = pytest.mark.parametrize("name", sorted(BODIES))

# ------------------------------------------------------------------------------------------------ the table


def test_the_table_names_every_forge():
    assert set(known()) == set(Forges()) == set(BODIES)
    assert len(Forges()) == 9
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
        forced=name in ("bitbucket", "github"),
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
        ("gitea", gitea(ref="refs/tags/v1", after=TAG_OBJECT, head_commit={"id": COMMIT}, commits=[])),
        ("gitee", gitee(ref="refs/tags/v1", after=TAG_OBJECT, hook_name="tag_push_hooks", commits=None)),
        ("bitbucket", bitbucket(change(old=None, new=side("tag", "v1") | {"message": "One"}))),
        (
            "git",
            ours(updates=[{"ref": "refs/tags/v1", "before": ZEROS, "after": TAG_OBJECT, "commit": COMMIT}]),
        ),
    ],
)
def test_an_annotated_tag_builds_its_commit(name, payload):
    (push,) = read(name, payload).pushes

    assert (push.kind, push.ref, push.commit) == (RefKind.TAG, "v1", COMMIT)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("gitlab", gitlab(object_kind="tag_push", ref="refs/tags/v1")),
        ("github", github(ref="refs/tags/v1")),
        ("gitea", gitea(ref="refs/tags/v1", before=ZEROS)),
        ("gitee", gitee(ref="refs/tags/v1", before=ZEROS)),
        ("bitbucket", bitbucket(change(old=None, new=side("tag", "v1")))),
        ("bitbucket-dc", data_center(changes=[ref_change("refs/tags/v1", ZEROS)])),
        ("codeup", codeup(object_kind="tag_push", ref="refs/tags/v1", commits=[])),
        ("git", ours(updates=[{"ref": "refs/tags/v1", "before": ZEROS, "after": COMMIT}])),
    ],
)
def test_a_plain_tag_is_read(name, payload):
    (push,) = read(name, payload).pushes

    assert (push.kind, push.ref, push.commit) == (RefKind.TAG, "v1", COMMIT)


@pytest.mark.parametrize("zeros", ["0" * 40, "0" * 64])
@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("gitlab", lambda zeros: gitlab(after=zeros, checkout_sha=None, commits=[])),
        ("github", lambda zeros: github(after=zeros, head_commit=None)),
        ("gitea", lambda zeros: gitea(after=zeros, commits=[])),
        ("gitee", lambda zeros: gitee(after=zeros, deleted=True, head_commit=None)),
        ("bitbucket", lambda zeros: bitbucket(change(new=None, closed=True))),
        ("bitbucket", lambda zeros: bitbucket(change(new=None, old=side("tag", "v1")))),
        ("bitbucket-dc", lambda zeros: data_center(changes=[ref_change(after=zeros)], commits=[])),
        ("codeup", lambda zeros: codeup(after=zeros, commits=[])),
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
        ("gitea", gitea(before=ZEROS, commits=[], head_commit={"id": COMMIT, "message": "x"})),
        ("gitea", gitea(before=ZEROS, commits=None, pusher=None, sender=None)),
        ("gitee", gitee(before=ZEROS, commits=None, head_commit=None, sender=None, user_name="ada")),
        ("gitee", {key: value for key, value in gitee().items() if key != "repository"}),
        ("bitbucket", bitbucket(change(old=None, created=True))),
        ("bitbucket-dc", data_center(changes=[ref_change(before=ZEROS)], commits=None)),
        ("codeup", codeup(before=ZEROS, commits=None)),
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
        ("gitea", gitea(ref="refs/pull/1/head")),
        ("gitee", gitee(ref="refs/notes/x")),
        ("codeup", codeup(ref="refs/keep-around/x")),
        ("bitbucket", bitbucket(change(new=side("named_branch", "default")))),
        ("bitbucket", bitbucket(push={"changes": []})),
        ("bitbucket-dc", data_center(changes=[ref_change("refs/notes/x")])),
        ("bitbucket-dc", data_center(changes=[])),
        ("git", ours(updates=[{"ref": "refs/notes/x", "before": ZEROS, "after": COMMIT}])),
        ("git", ours(updates=[])),
    ],
)
def test_other_refs_are_nothing_to_build(name, payload):
    hook = read(name, payload)

    assert (hook.pushes, bool(hook.note)) == ((), True)


GONE = "a branch or tag was deleted; there is nothing to build"
MADE = "a branch or tag was created; its push event tells what to build"


@pytest.mark.parametrize(
    ("name", "event", "note"),
    [
        ("github", "ping", "ping: GitHub can reach Shipway and both know the same secret"),
        ("github", "pull_request", "event 'pull_request' is nothing to build"),
        ("github", "create", MADE),
        ("github", "delete", GONE),
        ("github", "deployment", "event 'deployment' is nothing to build"),
        ("github", "check_run", "event 'check_run' is nothing to build"),
        ("gitea", "create", MADE),
        ("gitea", "delete", GONE),
        ("gitea", "issues", "event 'issues' is nothing to build"),
        ("forgejo", "action_run_failure", "event 'action_run_failure' is nothing to build"),
        ("gitee", "Note Hook", "event 'Note Hook' is nothing to build"),
        ("bitbucket", "repo:commit_status_updated", "event 'repo:commit_status_updated' is nothing to build"),
        (
            "bitbucket-dc",
            "diagnostics:ping",
            "ping: Bitbucket can reach Shipway and both know the same secret",
        ),
        ("gitlab", "pipeline", "event 'pipeline' is nothing to build"),
        ("gitlab", "issue", "event 'issue' is nothing to build"),
        ("codeup", "note", "event 'note' is nothing to build"),
    ],
)
@pytest.mark.parametrize("project", [True, False])
def test_other_events_have_a_note_and_need_no_project(name, event, note, project):
    payload = BODIES[name](object_kind=event, hook_name=event)
    kept = payload if project else {key: payload[key] for key in ("object_kind", "hook_name")}

    hook = read(name, kept, **dict.fromkeys(EVENTS[name], event))

    assert (hook.pushes, hook.note, hook.event) == ((), note, event)
    assert hook.project == ("acme/shop" if project else "")


def test_a_pull_request_of_bitbucket_data_center_is_its_targets():
    ends = {key: {"repository": data_center()["repository"]} for key in ("toRef",)}
    fork = {"repository": {"slug": "shop", "project": {"key": "~EVE"}}}

    hook = read("bitbucket-dc", {"pullRequest": {"fromRef": fork} | ends}, **{"x-event-key": "pr:merged"})

    assert hook.project == "acme/shop"


def test_the_test_button_of_codeup_is_told_as_such():
    hook = read("codeup", {"before": BEFORE, "after": COMMIT})

    assert (hook.pushes, hook.project, hook.event) == ((), "", "test")
    assert hook.note == "a test: Codeup can reach Shipway and both know the same token"


def test_the_header_that_the_manual_of_codeup_names_is_read_too():
    payload = codeup(object_kind=None)

    assert read("codeup", payload, **{"x-codeup-event": "", "codeup-event": "Push Hook"}).pushes


def test_gitea_is_told_from_the_headers_of_github_that_it_sends_as_well():
    assert read("gitea", gitea(), **{"x-github-event": "ping"}).pushes


@pytest.mark.parametrize("kind", ["object_kind", "event_name", "header"])
def test_an_event_of_gitlab_has_its_name_in_one_of_three_places(kind):
    payload = gitlab(object_kind=None) | ({} if kind == "header" else {kind: "push"})

    assert read("gitlab", payload).pushes[0].commit == COMMIT


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


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        (
            "git",
            ours(updates=[{"ref": f"refs/heads/{x}", "before": ZEROS, "after": COMMIT} for x in "abc"]),
        ),
        ("bitbucket", bitbucket(*[change(new=side(name=x)) for x in "abc"])),
        ("bitbucket-dc", data_center(changes=[ref_change(f"refs/heads/{x}") for x in "abc"])),
    ],
)
def test_several_refs_of_one_push_are_all_read(name, payload):
    assert [push.ref for push in read(name, payload).pushes] == ["a", "b", "c"]


@each_forge
def test_a_push_of_more_commits_than_the_forge_lists_is_read(name):
    many = [{"id": f"{n:040x}", "message": "[skip ci]"} for n in range(1, 21)]

    (push,) = read(name, BODIES[name](commits=many, total_commits_count=500)).pushes

    assert (push.commit, "[skip ci]" in push.message) == (COMMIT, False)


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
        ("gitea", {"x-gitea-delivery": "g-1", "x-github-delivery": "h-1"}, "g-1"),
        ("forgejo", {"x-forgejo-delivery": "f-1", "x-gitea-delivery": "g-1"}, "f-1"),
        ("bitbucket", {"x-request-uuid": "r-1", "x-hook-uuid": "h-1", "x-attempt-number": "2"}, "r-1"),
        ("bitbucket-dc", {"x-request-id": "r-2"}, "r-2"),
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


@pytest.mark.parametrize("name", ["gitee", "codeup"])
def test_a_forge_that_numbers_nothing_is_known_by_its_body(name):
    keys = {read(name, BODIES[name](**change)).key for change in ({}, {}, {"before": TAG_OBJECT})}

    assert len(keys) == 2


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
        forge(name).read(EVENTS[name] | proof(name, body, given), body, repository(name, wanted), NOW)


@each_forge
def test_a_missing_proof_is_refused_with_what_to_do(name):
    body = json.dumps(BODIES[name]()).encode()

    with pytest.raises(BadSignature, match=r"missing. (Set|Run)"):
        forge(name).read(EVENTS[name], body, repository(name), NOW)


@pytest.mark.parametrize("name", SIGNED)
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
    headers = standard_webhook(body, str(int(NOW.timestamp()) + skew))

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
        forge("gitlab").read(
            standard_webhook(body) | change, body, repository("gitlab", signing=SIGNING), NOW
        )


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24 * 365])
@pytest.mark.parametrize("name", ["gitlab", "git"])
def test_an_old_or_early_delivery_is_refused(name, minutes):
    body = json.dumps(BODIES[name]()).encode()
    then = NOW + timedelta(minutes=minutes)
    headers = (
        standard_webhook(body, str(int(then.timestamp())))
        if name == "gitlab"
        else proof(name, body, now=then)
    )

    with pytest.raises(BadSignature, match="more than 5 minutes off"):
        forge(name).read(headers, body, repository(name, signing=SIGNING), NOW)


@pytest.mark.parametrize(
    "header", ["x-gitea-signature", "x-forgejo-signature", "x-hub-signature-256"], ids=str.upper
)
@pytest.mark.parametrize("name", ["gitea", "forgejo"])
@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_a_signature_of_gitea_has_several_headers(name, header, prefix):
    body = json.dumps(gitea()).encode()
    given = prefix + proof("gitea", body)["x-gitea-signature"]

    assert forge(name).read(EVENTS[name] | {header: given}, body, repository(name), NOW).pushes


@pytest.mark.parametrize("signing", ["", SIGNING])
@pytest.mark.parametrize("seconds", [-299, 0, 299])
@pytest.mark.parametrize("encoded", [str, quote_plus])
def test_a_signature_of_gitee_fits_encoded_or_not(signing, seconds, encoded):
    stamp = str(int(NOW.timestamp() + seconds) * 1000)
    headers = gitee_signature(stamp, signing or SECRET)
    headers["x-gitee-token"] = encoded(headers["x-gitee-token"])

    hook = forge("gitee").read(
        EVENTS["gitee"] | headers,
        json.dumps(gitee()).encode(),
        repository("gitee", "" if signing else SECRET, signing),
        NOW,
    )

    assert hook.pushes


def test_a_signature_of_gitee_made_by_openssl_fits():
    # printf '1767323045000\nhush' | openssl dgst -sha256 -hmac hush -binary | base64
    headers = {
        "x-gitee-timestamp": "1767323045000",
        "x-gitee-token": "lzx1n8xemjckEWWqB3eDF7i8AgJ46bXJXPgrGCJq06k=",
    }

    assert (
        forge("gitee")
        .read(EVENTS["gitee"] | headers, json.dumps(gitee()).encode(), repository("gitee", "hush"), NOW)
        .pushes
    )


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24])
def test_an_old_or_early_signature_of_gitee_is_refused(minutes):
    headers = gitee_signature(f"{int(NOW.timestamp()) + minutes * 60}000")

    with pytest.raises(BadSignature, match="more than 5 minutes off"):
        forge("gitee").read(EVENTS["gitee"] | headers, json.dumps(gitee()).encode(), repository("gitee"), NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-gitee-token": SECRET},
        {"x-gitee-token": SIGNING},
        gitee_signature(),
        gitee_signature(secret=SIGNING) | {"x-gitee-timestamp": "1767323046000"},
        gitee_signature("", SIGNING) | {"x-gitee-timestamp": ""},
    ],
)
def test_with_a_signing_secret_only_its_signature_proves_gitee(headers):
    with pytest.raises(
        BadSignature, match="does not fit: Gitee's password or key is not the `signing_secret`"
    ):
        forge("gitee").read(
            EVENTS["gitee"] | headers,
            json.dumps(gitee()).encode(),
            repository("gitee", signing=SIGNING),
            NOW,
        )


@pytest.mark.parametrize("stamp", ["", "12", "soon", "1767323045.000", "-1767323045000"])
def test_a_signature_of_gitee_over_no_time_is_refused(stamp):
    headers = gitee_signature() if not stamp else gitee_signature(stamp)
    headers |= {} if stamp else {"x-gitee-timestamp": stamp}

    with pytest.raises(BadSignature):
        forge("gitee").read(EVENTS["gitee"] | headers, json.dumps(gitee()).encode(), repository("gitee"), NOW)


def test_the_proofs_that_gitee_writes_into_the_body_are_masked():
    kept = json.loads(read("gitee", gitee()).masked)

    assert kept == gitee(password="***", sign="***")


@pytest.mark.parametrize("signing", ["whsec_é", "whsec_a", "whsec_!!!!"])
def test_an_unusable_signing_secret_is_told(signing):
    body = json.dumps(gitlab()).encode()

    with pytest.raises(BadSignature, match="is not a signing token"):
        forge("gitlab").read(standard_webhook(body), body, repository("gitlab", signing=signing), NOW)


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
