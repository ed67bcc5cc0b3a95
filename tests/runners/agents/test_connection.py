"""The connection between an agent and the door: who may have it, how it ends, and how it comes back."""

import shutil
import signal
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.errors import Rejected
from runners.agents.record import AgentFolder
from runners.agents.stream import DATA, HEAD, OPEN
from runners.socket_folder import LONGEST_SOCKET
from tests.parts.agents import AgentProcess, Keys, call, everything, until
from tests.runners.agents.ground import QUIET, Ground


def seen(ground: Ground, name: str = "web-9"):
    return AgentFolder(str(ground.door.data)).seen(name)


def works(ground: Ground, name: str = "web-9") -> bool:
    """Soon: it may just be connecting."""
    until(lambda: _echoes(ground, name), 15, f"{name} is not reached")
    return True


def _echoes(ground: Ground, name: str) -> bool:
    try:
        with call(ground.door.connected(name)) as line:
            line.sendall(b"x")
            return line.recv(1) == b"x"
    except OSError:
        return False


def test_connected_agent_is_told_with_since_when_and_from_where(ground: Ground):
    ground.connected()

    found = seen(ground)

    assert found is not None
    assert found.connected
    assert datetime.now(UTC) - found.since < timedelta(minutes=1)
    assert found.said.startswith("connected since 2")
    assert ", from 127.0.0.1:" in found.said


def test_socket_here_is_for_this_user_alone(ground: Ground):
    path = ground.connected()

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_agent_that_was_stopped_is_away_and_says_why(ground: Ground):
    ground.connected()
    assert works(ground)
    ground.agents[0].stop()
    ground.door.away()

    found = seen(ground)

    assert found is not None
    assert not found.connected
    assert found.error == "it was stopped on the host"


@pytest.mark.parametrize("kill", [False, True])
def test_agent_that_comes_back_is_used_again(ground: Ground, kill: bool):
    ground.connected()
    ground.agents[0].stop(kill)
    ground.door.away()

    ground.agents[0].start()

    assert works(ground)


def test_door_that_comes_back_is_dialled_again(ground: Ground):
    ground.connected()
    ground.door.close()
    down = seen(ground)
    ground.door.open()

    assert down is not None
    assert down.error == "Shipway's door was stopped"
    assert works(ground)


def test_agent_that_falls_silent_is_noticed_and_ends_what_goes_through_it(ground: Ground):
    path = ground.connected()
    with call(path) as line:
        line.sendall(b"x")
        line.recv(1)
        ground.agents[0].process.send_signal(signal.SIGSTOP)
        ended = everything(line)
    ground.door.away()
    found = seen(ground)
    ground.agents[0].process.send_signal(signal.SIGCONT)

    assert ended == b""
    assert found is not None
    assert found.error.startswith("no sign of life from the other side for ")
    assert works(ground)


def test_door_that_falls_silent_is_noticed_by_the_agent(ground: Ground):
    """A listener that takes the agent up and never says a word again, as behind a cut cable."""
    deaf = socket.create_server(("127.0.0.1", 0))
    keys = ground.keys.agent("web-9")
    agent = AgentProcess(
        ground.folder / "a", f"127.0.0.1:{deaf.getsockname()[1]}", keys, ground.engine().path, quiet=QUIET
    )
    ground.agents.append(agent)
    raw, _ = deaf.accept()
    line = _server(ground.keys).wrap_socket(raw, server_side=True)
    line.recv(4096)
    line.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    agent.said("no sign of life from the other side for ")

    line.close()
    deaf.close()


def test_quiet_connection_is_kept_by_signs_of_life(ground: Ground):
    ground.connected()
    first = seen(ground)
    ground.agents[0].process.send_signal(signal.SIGCONT)

    with pytest.raises(AssertionError):
        ground.door.away(seconds=QUIET * 5)

    assert seen(ground) == first


def test_newer_agent_takes_the_place_and_the_older_is_told_to_stay_away(ground: Ground):
    ground.connected()
    newer = ground.agent(ground.engine(name="second").path, folder="newer")
    newer.said("connected to")
    ground.agents[0].said("another agent with its certificate came, from 127.0.0.1:")

    assert works(ground)
    assert len(ground.door.serials) == 2


def test_agents_of_two_hosts_do_not_meet(ground: Ground):
    ground.agent(ground.engine(lambda line: line.sendall(b"nine" + line.recv(1)), "nine").path, "web-9")
    ground.agent(ground.engine(lambda line: line.sendall(b"eight" + line.recv(1)), "eight").path, "web-8")
    said = []
    for name in ("web-9", "web-8"):
        with call(ground.door.connected(name)) as line:
            line.sendall(b".")
            said.append(everything(line))

    assert said == [b"nine.", b"eight."]


def test_dismissed_agent_is_away_at_once(ground: Ground):
    ground.connected()
    ground.door.hub.end("web-9", "its certificate was revoked", 300)
    ground.door.away()

    ground.agents[0].said("not connected to 127.0.0.1:")
    ground.agents[0].said("its certificate was revoked")


def test_impostor_of_a_door_gets_nothing(ground: Ground, tmp_path):
    """Its certificate is of another authority: the agent never shows it an engine."""
    theirs = Keys(tmp_path / "theirs")
    mine = ground.keys.agent("web-9")
    shutil.copy(theirs.folder / "ca.pem", tmp_path / "pinned.pem")
    agent = AgentProcess(
        ground.folder / "a",
        ground.door.place,
        {**mine, "SHIPWAY_AGENT_CA": str(tmp_path / "pinned.pem")},
        ground.engine().path,
    )
    ground.agents.append(agent)

    agent.said("certificate verify failed")

    assert not ground.door.serials


def test_impostor_of_an_agent_is_refused(ground: Ground, tmp_path):
    theirs = Keys(tmp_path / "theirs").agent("web-9")
    agent = AgentProcess(
        ground.folder / "a",
        ground.door.place,
        {**theirs, "SHIPWAY_AGENT_CA": str(ground.keys.folder / "ca.pem")},
        ground.engine().path,
    )
    ground.agents.append(agent)

    agent.said("unknown ca")

    assert not ground.door.serials


def test_door_with_a_certificate_for_another_place_is_refused(ground: Ground):
    keys = ground.keys.agent("web-9")
    place = f"localhost:{ground.door.port}"
    agent = AgentProcess(ground.folder / "a", place, keys, ground.engine().path)
    ground.agents.append(agent)

    agent.said("certificate is not valid for 'localhost'")


def test_renewed_certificate_is_shown_at_the_next_connect(ground: Ground):
    ground.connected()
    ground.keys.agent("web-9")
    ground.door.close()
    ground.door.open()
    ground.door.connected()

    assert len(set(ground.door.serials)) == 2


@pytest.mark.parametrize("name", ["../web-9", "Web-9", "", "web-9/x", "."])
def test_certificate_with_a_name_that_no_host_has_is_refused(ground: Ground, name: str):
    with pytest.raises(Rejected, match="no name of an agent"):
        ground.door.hub.take(None, name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "words",
    [
        HEAD.pack(OPEN, 1, 0),  # an agent opens nothing here
        HEAD.pack(77, 0, 0),
        b"GET / HTTP/1.1\r\n\r\n",
        HEAD.pack(DATA, 0, 0) + HEAD.pack(88, 1, 1) + b"x",
    ],
)
def test_agent_that_speaks_other_words_is_sent_away_and_harms_nobody(ground: Ground, words: bytes):
    ground.connected()
    keys = ground.keys.agent("web-8")
    line = _client(keys).wrap_socket(
        socket.create_connection(("127.0.0.1", ground.door.port)), server_hostname="127.0.0.1"
    )
    line.sendall(b"GET /agent HTTP/1.1\r\n\r\n")
    line.recv(4096)
    line.sendall(words)
    until(
        lambda: (found := seen(ground, "web-8")) is not None and not found.connected, 5, "it stays connected"
    )
    line.close()

    assert "words that are not known" in seen(ground, "web-8").error
    assert works(ground)


def test_door_that_did_not_end_well_is_not_taken_for_one_that_runs(ground: Ground):
    ground.connected()
    written = AgentFolder(str(ground.door.data)).written("web-9")
    ground.door.close()
    folder = AgentFolder(str(ground.door.data))
    folder.write("web-9", written)  # as it was left by kill -9
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(ground.door.path()))
    stale.close()

    dead = seen(ground)
    ground.door.open()

    assert dead.said.endswith("last error: the door on this machine does not run; `shipway up` starts it")
    assert works(ground)


def _server(keys: Keys) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys.folder / "door-cert.pem", keys.folder / "door-key.pem")
    return context


def _client(keys: dict[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=keys["SHIPWAY_AGENT_CA"])
    context.load_cert_chain(keys["SHIPWAY_AGENT_CERT"], keys["SHIPWAY_AGENT_KEY"])
    return context


def test_socket_of_a_data_folder_far_down_lies_in_tmp():
    near, far = AgentFolder("/srv/shipway/agents"), AgentFolder("/srv/" + "a" * 90 + "/agents")

    assert str(near.socket("web-9")) == "/srv/shipway/agents/web-9.sock"
    assert far.socket("web-9").parent.parent == Path("/tmp")
    assert len(str(far.socket("w" * 41))) <= LONGEST_SOCKET
