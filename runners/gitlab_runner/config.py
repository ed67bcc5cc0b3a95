"""config.toml of one runner: rendered, with every value as a TOML string that cannot end early."""

import json

from pipeline.fleet.gitlab_runners import RunnerFleet
from pipeline.gitlab_runner.runner import Record
from runners.render import render

CA = "ca.crt"  # beside config.toml


def config_toml(fleet: RunnerFleet, record: Record) -> str:
    return render(
        "gitlab/config.toml.j2",
        fleet=fleet,
        record=record,
        text=toml_text,
        docker=fleet.executor == "docker",
        ca=f"/etc/gitlab-runner/{CA}" if fleet.ca else "",
    )


def toml_text(value: object) -> str:
    """A basic string of TOML 1.0. JSON's is one too, but for DEL, which TOML wants escaped."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")
