"""Who sent it: secrets and signatures of every forge, keys by which a redelivery is known."""

import json
from datetime import timedelta
from urllib.parse import quote_plus

import pytest

from pipeline.errors import BadSignature, Refused
from runners.forges import forge
from tests.runners.forges.bodies import (
    BODIES,
    EVENTS,
    NOW,
    SECRET,
    SIGNED,
    SIGNING,
    TAG_OBJECT,
    gitea,
    gitee,
    gitee_signature,
    gitlab,
    proof,
    read,
    repository,
    standard_webhook,
)

each_forge = pytest.mark.parametrize("name", sorted(BODIES))


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
