"""An API that gives the answers of a list, one after the other, and remembers what it was asked."""

from typing import Any, ClassVar

from tests.parts.http_stand_in import Answering

Answer = tuple[int, Any]


class Listed(Answering):
    answers: ClassVar[list[Answer]] = []
    asked: ClassVar[list[tuple[str, str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path, self.heads()))
        self.sent()
        status, body = self.answers.pop(0)
        self.answer(status, body.decode() if isinstance(body, bytes) else body)

    do_POST = do_GET
    do_DELETE = do_GET
