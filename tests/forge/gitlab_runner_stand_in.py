"""A stand-in for GitLab Runner, which no registry here has: reads its config.toml, speaks its protocol, and ends as it does.

SIGQUIT: asks for no more jobs, finishes those that it has, ends with 0. SIGTERM: cuts its jobs. Runs every job as the shell
executor does, in its own container. Standard library only; it is the whole image.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path("/etc/gitlab-runner")
INFO = {
    "name": "gitlab-runner",
    "version": "18.5.0",
    "revision": "stand-in",
    "platform": "linux",
    "architecture": "amd64",
    "executor": "shell",
    "shell": "bash",
    "features": {"variables": True, "trace_checksum": True, "trace_size": True, "return_exit_code": True},
}
PAUSE = 0.2  # seconds between two questions; the real one's check_interval is in seconds

stopping = threading.Event()
children: set["subprocess.Popen[bytes]"] = set()


class Coordinator:
    """GitLab, as this runner's token reaches it."""

    def __init__(self, url: str, token: str, system_id: str) -> None:
        self.url, self.token, self.system_id = f"{url}/api/v4", token, system_id
        self.last_update = ""

    def job(self) -> dict[str, Any] | None:
        body = {
            "info": INFO,
            "token": self.token,
            "system_id": self.system_id,
            "last_update": self.last_update,
        }
        status, headers, answer = self.call("POST", "/jobs/request", body)
        self.last_update = headers.get("X-GitLab-Last-Update", self.last_update)
        return json.loads(answer) if status == 201 else None

    def append(self, job: Mapping[str, Any], start: int, text: bytes) -> None:
        headers = {
            "Content-Type": "text/plain",
            "Content-Range": f"{start}-{start + len(text) - 1}",
            "JOB-TOKEN": job["token"],
        }
        self.call("PATCH", f"/jobs/{job['id']}/trace?debug_trace=false", text, headers)

    def update(self, job: Mapping[str, Any], trace: bytes, code: int) -> None:
        output = {"checksum": f"crc32:{zlib.crc32(trace):08x}", "bytesize": len(trace)}
        body = {"info": INFO, "token": job["token"], "output": output, "exit_code": code}
        body |= {"state": "failed", "failure_reason": "script_failure"} if code else {"state": "success"}
        self.call("PUT", f"/jobs/{job['id']}", body)

    def call(
        self, method: str, path: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = headers or {"Content-Type": "application/json", "RUNNER-TOKEN": self.token}
        request = urllib.request.Request(self.url + path, data, dict(sent), method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()
        except OSError as error:
            say(f"GitLab at {self.url} does not answer: {error}")
            return 0, {}, b""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def work(coordinator: Coordinator) -> None:
    while not stopping.is_set():
        job = coordinator.job()
        if job is None:
            stopping.wait(PAUSE)
        else:
            say(f"job {job['id']}")
            run(coordinator, job)


def run(coordinator: Coordinator, job: Mapping[str, Any]) -> None:
    trace, code = b"", 0
    env = os.environ | {variable["key"]: variable["value"] for variable in job["variables"]}
    for step in job["steps"]:
        words = ["sh", "-e", "-c", "\n".join(step["script"])]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env) as child:
            children.add(child)
            for line in child.stdout or ():
                coordinator.append(job, len(trace), line)
                trace += line
        children.discard(child)
        code = code or child.returncode
    coordinator.update(job, trace, code)


def cut(*_: object) -> None:
    for child in list(children):
        child.kill()
    os._exit(1)


def main() -> None:
    config = tomllib.loads((FOLDER / "config.toml").read_text())
    system_id = (FOLDER / ".runner_system_id").read_text().strip()
    (runner,) = config["runners"]
    coordinator = Coordinator(runner["url"], runner["token"], system_id)
    signal.signal(signal.SIGQUIT, lambda *_: stopping.set())
    signal.signal(signal.SIGTERM, cut)
    threads = [threading.Thread(target=work, args=(coordinator,)) for _ in range(config["concurrent"])]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(PAUSE)  # a signal is taken between two of them
    sys.exit(0)


if __name__ == "__main__":
    main()
