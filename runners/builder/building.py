"""One image build over `POST /build`: BuildKit when the engine has it, else the classic builder, same order, same log.

Bases are pulled first. A build that is stopped or late is cancelled on the engine and its connection cut, which kills
the running step there. Never retries, and never fails because a base could not be pulled when it can go on without.
"""

import base64
import json
import re
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker.errors
from requests.exceptions import RequestException

from pipeline.delivery.dockerfile import base_of, bases, syntax, without_syntax
from pipeline.delivery.orders import BuildOrder
from pipeline.errors import DiskFull, RunnerError, ShipwayError, StageFailed, Unreachable
from pipeline.fleet.host import Host, RegistryAccess
from runners.builder.bases import MADE_HERE, here
from runners.builder.context import context_tar, name_in_context
from runners.builder.pulling import FULL, NETWORK, present, pull, split
from runners.builder.session import Session
from runners.builder.talking import Api, Guard, converse
from runners.builder.trace import Trace
from runners.registries import auth_config

STEP = re.compile(r"executor failed running|did not complete successfully|returned a non-zero code")
FOREIGN = re.compile(r"exec format error")
NO_SECRET = re.compile(r"secret ([\w.-]+):? not found|no active sessions")
EXIT_CODE = re.compile(r"(?:exit code: |non-zero code: )(\d+)")
COMMAND = re.compile(r"\[/bin/sh -c (.*?)\]: |\"/bin/sh -c (.*?)\" did not|'/bin/sh -c (.*?)' returned")
CANCEL_TIMEOUT = 5
OCI_BASE = "org.opencontainers.image.base"
BURIAL = 3.0  # seconds that a killed step may take to go


class Build:
    """Does one order, once."""

    def __init__(
        self,
        api: Api,
        host: Host,
        registry: RegistryAccess,
        order: BuildOrder,
        log: Callable[[str], None],
    ) -> None:
        self._api = api
        self._host = host
        self._registry = registry
        self._order = order
        self._log = log
        self._text = order.text or _read(order)
        self._missing: dict[str, RunnerError] = {}  # bases that could not be pulled
        self._session = ""
        self._last_step = ""  # the classic builder's last intermediate image

    def run(self, buildkit: bool, stop: Callable[[], bool]) -> str:
        """The new image's id."""
        late = (
            f"The build did not end within {minutes(self._order.timeout)} and was stopped. "
            "Look in the log for the step that hangs, or raise builder.timeout."
        )
        if not buildkit:
            self._demand_nothing_special()
        with Guard(stop, self._order.timeout, late) as guard, ExitStack() as stack:
            guard.check()
            self._pull_bases(guard)
            if buildkit:
                self._choose_frontend(guard)
                self._bring_cache(guard)
            if self._order.secrets:
                self._session = stack.enter_context(Session(self._api, self._order.secrets)).id
            try:
                image = self._follow(buildkit, guard)
            except ShipwayError:
                self._forget_steps()
                raise
        return image or str(self._api.inspect_image(self._order.tag)["Id"])

    def _demand_nothing_special(self) -> None:
        order = self._order
        asked = {"secrets": order.secrets, "platform": order.platform, "cache": order.cache}
        if wanted := [f"build.{key}" for key, value in asked.items() if value]:
            raise StageFailed(
                f"{' and '.join(wanted)} of .shipway.yml need BuildKit, and the builder's engine at {self._host.engine} builds "
                "without it. Name an engine with BuildKit (Docker 20.10 or later) under builder.engine, or take them out."
            )

    def _pull_bases(self, guard: Guard) -> None:
        """Not for another platform: an engine has one image of a name, and other builds need theirs."""
        if self._order.platform:
            return
        for base in bases(self._text, self._order.args):
            if "$" not in base and self._is_wanted(here(self._api, base)):
                self._try_to_pull(base, guard)

    def _is_wanted(self, digest: str) -> bool:
        """One that was made here is of no registry."""
        return not digest or (self._order.refresh and not digest.startswith(MADE_HERE))

    def _bring_cache(self, guard: Guard) -> None:
        """Pulled by the engine, which knows its registries and our login; BuildKit itself, without a session, knows neither
        and reads the cache of an image that is there."""
        image = self._order.cache_from
        if image and not present(self._api, image) and not self._try_to_pull(image, guard):
            self._missing.pop(image)
            self._log("Building without the cache of an earlier run.\n")

    def _try_to_pull(self, image: str, guard: Guard) -> bool:
        try:
            pull(self._api, image, self._registry, guard, self._log)
        except DiskFull:
            raise
        except RunnerError as error:
            self._missing[image] = error
            self._log(f"{error}\n")
            return False
        return True

    def _choose_frontend(self, guard: Guard) -> None:
        """A `# syntax=` line makes BuildKit ask a public registry. Where that cannot be reached the engine's own
        frontend, which knows all but the newest words, is better than no build."""
        frontend = syntax(self._text)
        if frontend and not present(self._api, frontend) and not self._try_to_pull(frontend, guard):
            self._log(f"Building without {frontend}: the engine's own Dockerfile frontend is used.\n")
            self._missing.pop(frontend)
            self._text = without_syntax(self._text)

    def _follow(self, buildkit: bool, guard: Guard) -> str:
        image, trace, build_id = "", Trace(), uuid.uuid4().hex
        params = self._params() | ({"version": "2", "buildid": build_id} if buildkit else {})
        headers = {"Content-Type": "application/x-tar", "X-Registry-Config": self._logins()}
        body = context_tar(self._order.context, self._order.dockerfile, self._text)

        def cancel() -> None:
            if buildkit:
                self._cancel(build_id)

        with guard.ending(cancel):
            try:
                for said in converse(self._api, "/build", guard, params, headers, body):
                    if "error" in said:
                        raise self._failure(str(said["error"]))
                    image = self._told(said, trace) or image
            except docker.errors.APIError as error:
                raise self._failure(str(error.explanation or error)) from error
        return image

    def _told(self, said: dict[str, Any], trace: Trace) -> str:
        """Writes what is for people; returns the image id when this object brings it."""
        aux = said.get("aux")
        if said.get("id") == "moby.buildkit.trace" and isinstance(aux, str):
            for line in trace.lines(aux):
                self._log(line)
        elif isinstance(aux, dict):
            return str(aux.get("ID", ""))
        elif "stream" in said:
            text = str(said["stream"])
            if text.startswith(" ---> ") and len(text.split()) == 2:
                self._last_step = text.split()[1]
            self._log(text)
        return ""

    def _params(self) -> dict[str, str]:
        order = self._order
        inline = {"BUILDKIT_INLINE_CACHE": "1"} if order.cache else {}
        wishes = {
            "platform": order.platform,
            "session": self._session,
            "cachefrom": json.dumps([order.cache_from]) if order.cache_from else "",
        }
        return {key: value for key, value in wishes.items() if value} | {
            "t": order.tag,
            "dockerfile": name_in_context(order.dockerfile),
            "target": order.target,
            "buildargs": json.dumps({**order.args, **inline}),
            "labels": json.dumps({**order.labels, **self._base_labels()}),
            "rm": "1",
            "forcerm": "1",
        }

    def _base_labels(self) -> dict[str, str]:
        """Of the base that was pulled; one for another platform is BuildKit's own matter."""
        base = "" if self._order.platform else base_of(self._text, self._order.args, self._order.target)
        digest = here(self._api, base) if base and "$" not in base else ""
        known = {} if digest.startswith(MADE_HERE) else {f"{OCI_BASE}.digest": digest}
        return {f"{OCI_BASE}.name": base, **known} if digest else {}

    def _logins(self) -> str:
        login = auth_config(self._registry)
        return base64.urlsafe_b64encode(
            json.dumps({self._registry.address: login} if login else {}).encode()
        ).decode()

    def _cancel(self, build_id: str) -> None:
        try:
            self._api._post(
                self._api._url("/build/cancel"), params={"id": build_id}, timeout=CANCEL_TIMEOUT
            ).close()
        except RequestException:
            return  # cutting the connection, which comes next, does the same

    def _forget_steps(self) -> None:
        """The classic builder leaves the steps of a failed build behind as images without a name. The engine may
        still be ending the last step's container, which uses one of them."""
        until = time.monotonic() + BURIAL
        while self._last_step and time.monotonic() < until:
            try:
                found = self._api.inspect_image(self._last_step)
                if not found.get("RepoTags"):
                    self._api.remove_image(found["Id"])
                return
            except docker.errors.APIError as error:
                if error.response is None or error.response.status_code != 409:
                    return  # gone
            time.sleep(0.2)

    def _failure(self, said: str) -> ShipwayError:
        said = " ".join(said.split())
        if FULL.search(said):
            return DiskFull(
                f"The builder's engine has no space left: {said[:300]}. Free some there: docker system prune."
            )
        if FOREIGN.search(said):
            return StageFailed(
                f"The build failed: the builder cannot run programs of {self._order.platform or 'that platform'} "
                f"({said[:200]}). Install binfmt/QEMU for it there, use another builder, or take build.platform out."
            )
        if match := NO_SECRET.search(said):
            which = f"the secret {match[1]}" if match[1] else "a secret or a file of the client"
            return StageFailed(
                f"The build failed: a step mounts {which}, which build.secrets of .shipway.yml does not name."
            )
        if STEP.search(said):
            return StageFailed(f"The build failed: {_step(said)}. The log above shows its output.")
        for image, error in self._missing.items():
            if split(image)[0] in said or NETWORK.search(said):
                kind = Unreachable if isinstance(error, Unreachable) else StageFailed
                return kind(f"The base image of the build is missing. {error}")
        if NETWORK.search(said):
            return Unreachable(f"The build could not fetch what it needs: {said[:400]}.")
        return StageFailed(f"The build failed: {said[:600]}.")


def minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _step(said: str) -> str:
    code, command = EXIT_CODE.search(said), COMMAND.search(said)
    text = next((part for part in command.groups() if part), "") if command else "a step"
    return f"`{text[:200]}` ended with exit code {code[1]}" if code else said[:400]


def _read(order: BuildOrder) -> str:
    try:
        return Path(order.context, order.dockerfile).read_text("utf-8", "replace")
    except OSError as error:
        raise StageFailed(f"The Dockerfile {order.dockerfile} cannot be read: {error.strerror}.") from error
