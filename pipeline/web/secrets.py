"""The calls about secrets that Shipway keeps: set, list, remove. A value comes in and is never answered."""

from pipeline.caller import Caller
from pipeline.ports import Ports
from pipeline.rollout.secrets import check_scope, running_with_old
from pipeline.secret import Secret
from pipeline.stored_secret import Scope, Use
from pipeline.web.answers import Answer, Utc
from pipeline.web.auth import Role
from pipeline.web.bodies import SecretBody, SecretQuery
from pipeline.web.calls import Call


class SecretAnswer(Answer):
    """Empty `service`, `environment`: all."""

    name: str
    service: str
    environment: str
    stage: Use
    set_at: Utc
    set_by: str


class SecretsAnswer(Answer):
    secrets: list[SecretAnswer]


class OutdatedRelease(Answer):
    service: str
    environment: str
    release: int


class SecretChanged(Answer):
    """`outdated`: live releases that run with another value until they are deployed again."""

    name: str
    outdated: list[OutdatedRelease]


def list_secrets(ports: Ports, caller: Caller) -> SecretsAnswer:
    return SecretsAnswer(
        secrets=[
            SecretAnswer(
                name=one.name,
                service=one.scope.service,
                environment=one.scope.environment,
                stage=one.scope.stage,
                set_at=one.set_at,
                set_by=one.set_by,
            )
            for one in ports.secrets.secrets()
        ]
    )


def set_secret(ports: Ports, caller: Caller, body: SecretBody) -> SecretChanged:
    scope = Scope(body.service, body.environment, body.stage)
    check_scope(scope, ports.settings)
    ports.secrets.put(body.name, scope, Secret(body.value.get_secret_value()), caller.signature)
    return _changed(ports, body.name, scope)


def remove_secret(ports: Ports, caller: Caller, secret: str, query: SecretQuery) -> SecretChanged:
    scope = Scope(query.service, query.environment, query.stage)
    ports.secrets.remove(secret, scope)
    return _changed(ports, secret, scope)


def _changed(ports: Ports, name: str, scope: Scope) -> SecretChanged:
    old = running_with_old(name, scope, ports)
    found = [OutdatedRelease(service=o.service, environment=o.environment, release=o.number) for o in old]
    return SecretChanged(name=name, outdated=found)


CALLS = (
    Call(
        "GET",
        "/secrets",
        Role.ADMIN,
        "List the secrets that are kept; never their values",
        list_secrets,
        SecretsAnswer,
        unbound=True,
    ),
    Call(
        "POST",
        "/secrets",
        Role.ADMIN,
        "Keep a secret, or change its value",
        set_secret,
        SecretChanged,
        body=SecretBody,
        errors=(400, 404, 413, 415),
        unbound=True,
        action="secret.set",
    ),
    Call(
        "DELETE",
        "/secrets/<secret>",
        Role.ADMIN,
        "Forget a secret",
        remove_secret,
        SecretChanged,
        query=SecretQuery,
        errors=(400, 404),
        unbound=True,
        action="secret.remove",
    ),
)
