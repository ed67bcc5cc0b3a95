"""Every error Shipway raises on purpose. Each message says what, where and what to do now.

ShipwayError                    500 · exit 1
├── Refused                     400 · exit 2   the caller asked for something we will not do
│   ├── BadConfig               400 · exit 3   a YAML file or option is wrong; names the key's path
│   ├── BadSignature            401 · exit 4   a webhook or token that is not ours
│   ├── Forbidden               403 · exit 4   known, but not allowed
│   ├── NotFound                404 · exit 5   no such service, run, release…
│   ├── Conflict                409 · exit 6   not now, and why
│   ├── TooLarge                413 · exit 2   a body above the limit
│   ├── TooMany                 429 · exit 2   too many tries; says when to come again
│   └── Unsupported             415 · exit 2   a body of a kind that is not read, such as multipart
├── StageFailed                 422 · exit 7   the user's own build or tests failed, hung or are missing
├── RolloutFailed               422 · exit 8   health or traffic went wrong
├── Stopped                     409 · exit 9   somebody cancelled, or the lease was lost
└── RunnerError                 502 · exit 10  the outside world misbehaved
    ├── Unreachable             503 · exit 10  … no answer; trying again may help
    ├── Rejected                502 · exit 10  … it answered no (credentials, missing image); trying again will not help
    ├── PortTaken               503 · exit 10  … the host port was taken by somebody else; another one may be free
    ├── ConfigRefused           502 · exit 10  … a proxy configuration does not load; the running one was kept
    ├── Outdated                409 · exit 10  … a proxy has a newer configuration than ours; nothing was changed
    └── DiskFull                507 · exit 10  … no space left on that machine
"""


class ShipwayError(Exception):
    """Root of the tree. `status` is what the web entry answers, `exit_code` what the command returns, `now` what to type
    next when the message itself names no command."""

    status = 500
    exit_code = 1
    now = "`shipway doctor` looks at every part; the server's own log has the rest."


class Refused(ShipwayError):
    """The caller asked for something we will not do."""

    status = 400
    exit_code = 2
    now = "`shipway COMMAND --help` tells what it takes."


class BadConfig(Refused):
    """A YAML file or an option is wrong; the message names the key's path."""

    exit_code = 3
    now = "`shipway config check` names every mistake, `shipway config docs` tells what each key means."


class BadSignature(Refused):
    """A webhook signature or an API token that is missing or not ours."""

    status = 401
    exit_code = 4
    now = (
        "Set SHIPWAY_TOKEN to a token that is known there: an administrator makes one with "
        "`shipway token create NAME`."
    )


class Forbidden(Refused):
    """A known caller without the right to do this."""

    status = 403
    exit_code = 4
    now = "An administrator makes a token that may: `shipway token create NAME --role deployer`."


class NotFound(Refused):
    """No such service, environment, run, release, deployment or delivery."""

    status = 404
    exit_code = 5
    now = "`shipway services`, `shipway runs` and `shipway deployments` list what there is."


class Conflict(Refused):
    """Not now; the message says what stands in the way."""

    status = 409
    exit_code = 6
    now = (
        "`shipway status` tells what is under way; `shipway follow N` waits for it, `shipway "
        "abort N` ends it."
    )


class TooLarge(Refused):
    """A body above the limit."""

    status = 413
    now = "Send less at once; `shipway COMMAND --help` tells what it takes."


class TooMany(Refused):
    """Too many tries; `seconds` from now the next one is looked at."""

    status = 429
    now = "Wait, then try it again; `shipway user password NAME` on the server sets another password."

    def __init__(self, message: str, seconds: float = 1.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class Unsupported(Refused):
    """A body of a kind that is not read, such as multipart."""

    status = 415
    now = "Send JSON, as `shipway` itself does: `shipway COMMAND --help`."


class StageFailed(ShipwayError):
    """The user's own Dockerfile or tests failed, hung, or are missing."""

    status = 422
    exit_code = 7
    now = "`shipway runs --status failed` lists them, `shipway logs N` has the log of one."


class RolloutFailed(ShipwayError):
    """A release did not become healthy, or traffic went wrong."""

    status = 422
    exit_code = 8
    now = "`shipway deployments` lists them, `shipway deployment show N` tells each step of one."


class Stopped(ShipwayError):
    """Somebody cancelled the work, or its lease went to another owner."""

    status = 409
    exit_code = 9
    now = (
        "`shipway runs` and `shipway deployments` tell by whom; `shipway run retry N` and "
        "`shipway deployment retry N` try it again."
    )


class RunnerError(ShipwayError):
    """The outside world misbehaved. Never blames the release."""

    status = 502
    exit_code = 10
    now = "`shipway doctor` looks at every part and says how to mend it."


class Unreachable(RunnerError):
    """No answer within the timeout. Trying again may help."""

    status = 503
    now = "`shipway doctor` tells who does not answer; then type the same again."


class Rejected(RunnerError):
    """It answered, and said no: wrong credentials, no such image. Trying again will not help."""

    now = "`shipway doctor` tells whose credentials or images are wrong."


class PortTaken(RunnerError):
    """The host port was taken by somebody else between our look and our start."""

    status = 503
    now = "`shipway deployment retry N` takes another port."


class ConfigRefused(RunnerError):
    """A proxy configuration does not load. The one that serves was kept."""

    now = "`shipway doctor` asks every proxy; what serves was kept."


class Outdated(RunnerError):
    """A proxy already has a configuration of a higher generation, `running`. It was kept."""

    status = 409
    now = "`shipway status` tells what serves; type the same again to look anew."

    def __init__(self, message: str, running: int = 0) -> None:
        super().__init__(message)
        self.running = running


class DiskFull(RunnerError):
    """No space left on the machine that is named in the message."""

    status = 507
    now = "`shipway prune --dry-run` tells what may go there, `shipway prune` removes it."
