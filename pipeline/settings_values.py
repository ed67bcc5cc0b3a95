"""Reads the values that only the operator's file has: secrets, clone addresses, ref patterns, selectors of hosts.

Each raises ValueError with what is wrong and what would be right. A secret's text is never in a message.
"""

import base64
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo

from pipeline import units
from pipeline.faults import did_you_mean
from pipeline.fleet.balancer import BalancerKind

# runners.forges has them all in its table; a test compares.
FORGES = ("git", "github", "gitlab", "gitea", "forgejo", "gitee", "bitbucket", "bitbucket-dc", "codeup")
SIGNERS = ("gitlab", "gitee")  # forges with a token and, as a choice, a key for signatures
BALANCERS = tuple(kind.value for kind in BalancerKind)
LONGEST_SETTLE = 300.0  # seconds; each park waits for it
FILE = "file:"
STORE = "store:"  # all of the value: Shipway keeps the secret itself
SCP_ADDRESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^\s:-][^\s]*")
REPOSITORY_URL = re.compile(r"(https?|ssh)://[^\s/@-][^\s]*|file:///[^\s]+|\.{0,2}/[^\s]*")
REF_PATTERN = re.compile(r"[^\s\x00-\x1f\x7f~^:\\-][^\s\x00-\x1f\x7f~^:\\]*")
LABEL = re.compile(r"[A-Za-z0-9._/-]{1,63}")
NAMESPACE = re.compile(r"[a-z0-9]+([._/-]+[a-z0-9]+)*")
REGISTRY = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?"
)


def _secret(value: object, info: ValidationInfo) -> str:
    """The text itself, or what stands in the file that `file:PATH` names. The context of the validation reads files."""
    found = units.text(value)
    if found == STORE:
        raise ValueError("only an environment's `secrets` come from the store; write ${NAME} or file:PATH")
    if not found.startswith(FILE):
        return found
    path = found.removeprefix(FILE)
    try:
        content = str(info.context["read_file"](path)) if info.context else found
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ValueError(f"the secret file {path} cannot be read: {reason}") from None
    content = content.removesuffix("\n").removesuffix("\r")
    if not content:
        raise ValueError(f"the secret file {path} is empty")
    return content


def _run_secret(value: object, info: ValidationInfo) -> str:
    return STORE if value == STORE else _secret(value, info)


def _signing_secret(value: SecretStr, info: ValidationInfo) -> SecretStr:
    """GitLab's: https://www.standardwebhooks.com, whsec_ and base64. Gitee's is any text."""
    text, forge = value.get_secret_value(), info.data.get("forge")
    if text and forge and forge not in SIGNERS:
        raise ValueError(f"is only for {' and '.join(SIGNERS)}; {forge} proves itself by `secret` alone")
    if forge == "gitee":
        return value
    try:
        base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError("is not a signing token; GitLab shows it as whsec_…") from None
    return value


def one_of(what: str, known: tuple[str, ...]) -> BeforeValidator:
    def check(value: object) -> str:
        found = units.text(value)
        if found not in known:
            raise ValueError(f"there is no {what} {found!r}{did_you_mean(found, known)}")
        return found

    return BeforeValidator(check, json_schema_input_type=Literal[known])


def fits(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(value: str) -> str:
        if value and not pattern.fullmatch(value):
            raise ValueError(f"{value!r} {what}")
        return value

    return AfterValidator(check)


def _repository_url(value: object) -> str:
    url = units.text(value)
    if "://" not in url and SCP_ADDRESS.fullmatch(url):
        return url
    if not REPOSITORY_URL.fullmatch(url):
        raise ValueError("is not a clone address; write https://…, ssh://…, git@host:path or a path")
    if re.match(r"https?://[^/]*@", url):
        raise ValueError(
            "has credentials in it; put the password or token under `token` and the bare address here"
        )
    return url


def _ref_pattern(value: object) -> str:
    found = units.text(value)
    if found.startswith("refs/"):
        raise ValueError(f"{found!r}: write the short name, such as main or v*")
    if not REF_PATTERN.fullmatch(found):
        raise ValueError(
            f"{found!r} matches no branch or tag; write a name such as main or a pattern such as v*"
        )
    return found


def _path_pattern(value: object) -> str:
    found = units.text(value)
    if not found.strip("/") or not found.isprintable() or "\\" in found:
        raise ValueError(
            f"{found!r} matches no path; write a folder such as libs/money or a pattern such as *.md"
        )
    if found.startswith("!"):
        raise ValueError(f"{found!r}: `!` is not known here; what builds nothing stands under `ignore`")
    if ".." in found.split("/"):
        raise ValueError(f"{found!r} leads out of the repository; write it from the repository's root")
    return found


def _settle(seconds: float) -> float:
    if seconds > LONGEST_SETTLE:
        raise ValueError("must be from 0s to 5m")
    return seconds


SecretText = Annotated[SecretStr, BeforeValidator(_secret, json_schema_input_type=str)]
RunSecretText = Annotated[SecretStr, BeforeValidator(_run_secret, json_schema_input_type=str)]
SigningSecret = Annotated[SecretText, AfterValidator(_signing_secret)]
RefPattern = Annotated[str, BeforeValidator(_ref_pattern, json_schema_input_type=str)]
PathPattern = Annotated[str, BeforeValidator(_path_pattern, json_schema_input_type=str)]
Selector = tuple[str, ...] | dict[str, str]


def _selector(value: object) -> Selector:
    """A list of names, or labels that all must match."""
    if isinstance(value, list) and value:
        return tuple(dict.fromkeys(units.name(item) for item in value))
    if isinstance(value, dict) and value:
        return {str(key): units.text(item) for key, item in value.items()}
    raise ValueError("must be a list of hosts such as [web-1], or labels such as {role: web}; and not empty")


Hosts = Annotated[Selector, BeforeValidator(_selector, json_schema_input_type=list[str] | dict[str, str])]
RepositoryUrl = Annotated[str, BeforeValidator(_repository_url, json_schema_input_type=str)]
Forge = Annotated[str, one_of("forge", FORGES)]
Balancer = Annotated[str, one_of("kind of load balancer", BALANCERS)]
Settle = Annotated[units.Duration, AfterValidator(_settle)]
Label = Annotated[str, fits(LABEL, "is not a label")]
Namespace = Annotated[units.Word, fits(NAMESPACE, "is not a namespace; use a-z, 0-9, '-' and '/'")]
RegistryAddress = Annotated[units.Word, fits(REGISTRY, "is not host:port; leave out https:// and paths")]
