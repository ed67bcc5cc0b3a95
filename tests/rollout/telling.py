"""Tells random stories from a seed: the same seed and the same number tell the same stories."""

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.rollout.moving_tales import MovingTales
from tests.rollout.tales import Tales

BOOKS: dict[str, type[RuleBasedStateMachine]] = {"rollouts": Tales, "moves": MovingTales}
BATCH = 50  # stories that are told from one seed


def tell(book: str, number: int, stories: int = BATCH, shortest: bool = True) -> None:
    """Raises what broke, with the shortest story that breaks it, in words, and how to tell it again. Not the shortest:
    the first that breaks it, which is found sooner."""
    machine = seed(number)(type(f"Of{book.capitalize()}", (BOOKS[book],), {}))
    try:
        run_state_machine_as_test(machine, settings=_settings(stories, shortest))
    except Exception as broken:
        broken.add_note(f"Tell it again: bin/soak --of {book} --seed {number}")
        raise


def _settings(stories: int, shortest: bool) -> settings:
    return settings(
        max_examples=stories,
        stateful_step_count=25,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if shortest else (Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
