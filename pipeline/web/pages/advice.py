"""What stands above a problem on a page, and what one can do now, in the reader's language. The problem's own sentence stays
as the server wrote it, in English: it names hosts, files and commands. Tables only."""

from collections.abc import Mapping

from pipeline.web.pages.language import key

# of every error, and of what HTTP itself refuses
TITLES = frozenset(
    {
        *(key("Shipway error"), key("Refused"), key("Bad config"), key("Bad signature"), key("Forbidden")),
        *(key("Not found"), key("Conflict"), key("Too large"), key("Too many"), key("Unsupported")),
        *(
            key("Stage failed"),
            key("Rollout failed"),
            key("Stopped"),
            key("Runner error"),
            key("Unreachable"),
        ),
        *(key("Rejected"), key("Port taken"), key("Config refused"), key("Outdated"), key("Disk full")),
        *(key("Bad request"), key("No such range"), key("Too slow"), key("Busy"), key("Method not allowed")),
        *(key("Internal server error"), key("Service unavailable")),
    }
)
_LATER = key("It may pass: try again in a moment. `shipway doctor` on the server looks at every part.")
NOW: Mapping[int, str] = {
    400: key("Go back, mend what is named here, and send it again."),
    401: key("Sign in again."),
    403: key("Ask an admin for the right, or somebody who has it to do it."),
    404: key("It may be gone, or its address has a slip. The overview has what there is."),
    409: key("Look at what is under way there, and try again when it is over."),
    413: key("Send less at once."),
    422: key("The run or the deployment tells what went wrong."),
    429: key("Wait a moment, then try again."),
    500: key("The server's log has more under the id below."),
    502: _LATER,
    503: _LATER,
    507: key("Make room on that machine. `shipway prune --dry-run` tells what may go there."),
}
ELSE = key("The overview has what there is.")


def now(status: int) -> str:
    """A key of the catalogue."""
    return NOW.get(status, ELSE)
