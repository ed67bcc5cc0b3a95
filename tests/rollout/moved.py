"""Where an environment runs after a move, and that each move came to its end with everything as it should be."""

from pipeline.rollout.deployment import Reason, Status
from pipeline.rollout.moving import Moves
from tests.rollout.stage import PRODUCTION, SHOP, Stage


def placed(stage: Stage) -> dict[str, int]:
    return dict(stage.books.deployments.environment(SHOP, PRODUCTION).placed)


def runs(stage: Stage) -> dict[str, list[tuple[int, int]]]:
    return {host: stage.running(host) for host in stage.names}


def ended(stage: Stage, moves: Moves) -> None:
    for number in moves.deployments:
        deployment = stage.run(number)
        assert (deployment.reason, deployment.status) == (Reason.MIGRATE, Status.SUCCEEDED), deployment.error
        stage.check(number, deployment.release)
