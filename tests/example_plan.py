"""The plan that docs/rollout.md shows: `python -m tests.example_plan` prints it."""

from pipeline.rollout.preview import preview
from tests.rollout.stage import PRODUCTION, SHOP, Stage


def example_plan() -> str:
    """A good release onto two hosts, as a table."""
    stage = Stage(hosts=2)
    stage.live()
    stage.release()
    steps = preview(SHOP, PRODUCTION, None, stage.ports)
    rows = [f"| {step.host} | {step.what} | {step.why} |" for step in steps]
    return "\n".join(["| host | what | why |", "|---|---|---|", *rows])


if __name__ == "__main__":
    print(example_plan())  # noqa: T201 - a program
