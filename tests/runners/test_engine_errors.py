"""Engine errors as sentences of the right kind."""

import docker.errors
import pytest
import requests
import urllib3.exceptions

from pipeline.errors import DiskFull, PortTaken, Rejected, RunnerError, Unreachable
from pipeline.fleet.host import Host
from runners.engine_errors import speaking

HOST = Host("web-1", "tcp://10.0.0.1:2375", "10.0.0.1")


def answered(status: int, text: str) -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = status
    return docker.errors.APIError("", response=response, explanation=text)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answered(500, "write /x: no space left on device"), DiskFull),
        (answered(500, "Bind for 10.0.0.1:20000 failed: port is already allocated"), PortTaken),
        (answered(500, "listen tcp 10.0.0.1:80: bind: address already in use"), PortTaken),
        (answered(500, "something broke"), Unreachable),
        (answered(400, "bad parameter"), Rejected),
        (requests.exceptions.ReadTimeout("Read timed out."), Unreachable),
        (requests.exceptions.ConnectionError("[Errno 111] Connection refused"), Unreachable),
        (requests.exceptions.SSLError("certificate verify failed"), Rejected),
        (urllib3.exceptions.ProtocolError("Connection broken"), Unreachable),
        (docker.errors.DockerException("odd"), Unreachable),
        (FileNotFoundError(2, "No such file or directory"), Unreachable),
    ],
)
def test_every_error_of_the_sdk_has_a_kind_and_names_host_and_deed(error: Exception, kind: type[RunnerError]):
    with (
        pytest.raises(kind, match=r"^Host web-1: could not pull the image: .*\.$") as caught,
        speaking(HOST, "pull the image"),
    ):
        raise error

    assert type(caught.value) is kind


def test_our_own_errors_pass_unchanged():
    mine = Rejected("no")

    with pytest.raises(Rejected) as caught, speaking(HOST, "x"):
        raise mine

    assert caught.value is mine


def test_nested_reprs_of_the_sdk_are_cut_to_the_reason():
    nested = "HTTPConnectionPool(host='x'): Max retries (Caused by NewConnectionError('[Errno 113] No route to host'))"

    with pytest.raises(Unreachable, match=r"2375: No route to host\. Check"), speaking(HOST, "look"):
        raise requests.exceptions.ConnectionError(nested)
