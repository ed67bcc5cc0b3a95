"""A mail server that speaks SMTP strictly (RFC 5321): greeting, EHLO, AUTH PLAIN or LOGIN, MAIL, RCPT, DATA, in that order."""

import base64
import email
import email.policy
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from threading import Thread


@dataclass
class MailServer:
    port: int = 0
    password: str = ""  # empty: none is asked for
    letters: list[EmailMessage] = field(default_factory=list)


@contextmanager
def mail_server(password: str = "") -> Iterator[MailServer]:
    mail = MailServer(password=password)
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _session(mail))
    server.daemon_threads = True
    mail.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield mail
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _session(mail: MailServer) -> type[socketserver.StreamRequestHandler]:
    return type("Session", (_Session,), {"mail": mail})


class _Session(socketserver.StreamRequestHandler):
    mail: MailServer
    state = "new"

    def handle(self) -> None:
        self._say("220 mail.test ESMTP")
        while line := self.rfile.readline(2048):
            verb, _, rest = line.decode().strip().partition(" ")
            self._say(self._answer(verb.upper(), rest))
            if verb.upper() == "QUIT":
                return

    def _answer(self, verb: str, rest: str) -> str:
        step = {
            "EHLO": self._greet,
            "AUTH": self._log_in,
            "MAIL": self._from,
            "RCPT": self._to,
            "DATA": self._data,
        }
        if verb in ("QUIT", "RSET", "NOOP"):
            return "221 bye" if verb == "QUIT" else "250 ok"
        return step[verb](rest) if verb in step else "502 5.5.1 no such command"

    def _greet(self, rest: str) -> str:
        self.state = "stranger" if self.mail.password else "greeted"
        return "250-mail.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN"

    def _log_in(self, rest: str) -> str:
        given = base64.b64decode(rest.rpartition(" ")[2]).split(b"\0")[-1].decode()
        self.state = "greeted" if given == self.mail.password else "stranger"
        return "235 ok" if self.state == "greeted" else "535 5.7.8 authentication failed"

    def _from(self, rest: str) -> str:
        return self._step("from", ("greeted",), rest.upper().startswith("FROM:<"))

    def _to(self, rest: str) -> str:
        return self._step("to", ("from", "to"), rest.upper().startswith("TO:<"))

    def _step(self, new: str, before: tuple[str, ...], right: bool) -> str:
        if self.state == "stranger":
            return "530 5.7.0 log in first"
        if self.state not in before or not right:
            return "503 5.5.1 bad sequence of commands"
        self.state = new
        return "250 ok"

    def _data(self, rest: str) -> str:
        if self.state != "to":
            return "503 5.5.1 bad sequence of commands"
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline(4096)) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        self.mail.letters.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))  # type: ignore[arg-type]
        self.state = "greeted"
        return "250 ok"

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
