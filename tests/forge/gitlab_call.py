"""One call of the fake GitLab's REST API: the rights of its token, the fields of its body, the pages of its answer."""

from typing import TYPE_CHECKING, Any

from tests.forge.gitlab_project import Project, Refusal, Row

if TYPE_CHECKING:
    from tests.forge.gitlab import FakeGitLab, Token

REPORTER, DEVELOPER, MAINTAINER = 20, 30, 40
PAGE = 20
Answer = tuple[int, Any, dict[str, str]]


class Call:
    """One request on one project, with the rights of its token."""

    def __init__(
        self, server: "FakeGitLab", token: "Token", project: Project, query: dict[str, str], body: Row
    ) -> None:
        self.server, self.token, self.project, self.query, self.body = server, token, project, query, body

    def allow(self, level: int, write: bool = True) -> None:
        scopes = {"api"} if write else {"api", "read_api"}
        if not self.token.scopes & scopes:
            refusal = Refusal(403, "insufficient_scope", "error")
            refusal.body |= {"error_description": "The request requires higher privileges", "scope": "api"}
            raise refusal
        if self.token.level < level:
            raise Refusal(403, "403 Forbidden")

    def fields(self, known: set[str], needed: set[str] = frozenset()) -> Row:  # type: ignore[assignment]
        for name in sorted(self.body.keys() - known):
            raise Refusal(400, f"{name} is unknown to this fake; GitLab would ignore it", "error")
        for name in sorted(needed - self.body.keys()):
            raise Refusal(400, f"{name} is missing", "error")
        return self.body

    def page(self, rows: list[Row], path: str) -> Answer:
        page, size = int(self.query.get("page", 1)), int(self.query.get("per_page", PAGE))
        more = len(rows) > page * size
        link = f'<{self.server.url}{path}?page={page + 1}&per_page={size}>; rel="next"'
        return 200, rows[(page - 1) * size : page * size], {"Link": link} if more else {}


def one(rows: list[Row], key: str, value: str, what: str) -> Row:
    for row in rows:
        if str(row[key]) == value:
            return row
    raise Refusal(404, f"404 {what} Not Found")
