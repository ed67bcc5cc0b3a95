import pytest

from pipeline.rollout.converge import ending
from pipeline.rollout.observed import ReplicaSeen, ReplicaState


@pytest.mark.parametrize(
    ("exit_code", "oom", "said"),
    [
        (1, False, "exited with code 1"),
        (137, True, "exited with code 137 (out of memory)"),
        (1, True, "exited with code 1 (out of memory)"),
        (137, False, "exited with code 137 (killed: out of memory, or by somebody)"),
    ],
)
def test_an_end_is_told_with_its_cause(exit_code: int, oom: bool, said: str):
    seen = ReplicaSeen("c1", "shop-0", 7, 0, ReplicaState.EXITED, exit_code=exit_code, oom=oom)

    assert ending(seen) == said
