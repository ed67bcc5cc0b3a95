"""The laws hold for any dice, and each seeded bug breaks one of them."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.scaling import decide as module_of_the_rule
from pipeline.scaling.decide import decide
from tests.scaling import laws
from tests.scaling.laws import LAWS, Law, Rule

SEEDS = range(40)
PROVED, EVIDENCE = laws.a_need_is_met_as_soon_as_it_is_proved, laws.evidence_comes_first


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(max_examples=25, deadline=None)
@given(dice=st.randoms(use_true_random=False))
def test_law_holds(law, dice):
    law(decide, dice)


@dataclass(frozen=True)
class Mutant:
    """`wrong` stands where `right` stands in the rule, which breaks `law`."""

    right: str
    wrong: str
    law: Law


MUTANTS = (
    Mutant("if frozen:", "if False:", laws.frozen_does_nothing),
    Mutant("if look.size < low:", "if False:", laws.stays_in_bounds),
    Mutant("if look.size > high:", "if False:", laws.stays_in_bounds),
    Mutant("sick > MOST_UNREADY * len(members)", "sick > 2 * len(members)", laws.a_sick_group_is_left_alone),
    Mutant("look.memory.above >= look.policy.out_after", "look.memory.above > look.policy.out_after", PROVED),
    Mutant("look.memory.above >= look.policy.out_after", "look.memory.above >= 1", PROVED),
    Mutant("look.memory.below >= look.policy.in_after", "look.memory.below >= 1", EVIDENCE),
    Mutant("memory.above + 1 if above else 0", "memory.above + 1 if above else memory.above", EVIDENCE),
    Mutant("memory.below + 1 if below else 0", "memory.below + 1 if below else memory.below", EVIDENCE),
    Mutant("one.ratio > 1 + tolerance", "one.ratio > 1 - tolerance", EVIDENCE),
    Mutant("all(one.ratio < 1 - tolerance", "all(one.ratio < 1 + tolerance", EVIDENCE),
    Mutant("whole and all(", "all(", laws.without_data_it_never_shrinks),
    Mutant("and not look.warming", "", laws.while_some_warm_up_it_never_shrinks),
    Mutant("look.bounds.clamp(max(look.size, asked))", "max(look.size, asked)", laws.stays_in_bounds),
    Mutant(
        "max(min(lately, look.size), look.size // 2)", "min(lately, look.size)", laws.shrinks_by_half_at_most
    ),
    Mutant("max(min(lately, look.size), look.size // 2)", "look.size // 2", laws.steady_load_is_steady),
    Mutant("(look.now, _asked(look, known))", "(look.now, 0)", PROVED),
    Mutant("asked = min(", "asked = max(", PROVED),
    Mutant(
        "if (left := _cooling(look)) > 0:", "if (left := _cooling(look)) > 1e9:", laws.cooldown_comes_first
    ),
    Mutant(
        "if (left := _cooling(look)) > 0:",
        "if (left := _cooling(look)) > -1e9:",
        laws.it_arrives_when_it_was_far_too_large,
    ),
    Mutant(
        "return member.ready and member.age(self.now) >= self.policy.warm_up",
        "return member.ready",
        laws.those_that_warm_up_do_not_count,
    ),
    Mutant("ceil(look.warm_members * one.ratio", "int(look.warm_members * one.ratio", PROVED),
    Mutant("look.turns(Verdict.OUT, want, reason)", "look.turns(Verdict.OUT, want + 1, reason)", PROVED),
    Mutant("replace(self.memory.rested(), changed_at", "replace(self.memory, changed_at", EVIDENCE),
)


def mutated(mutant: Mutant) -> Rule:
    text = Path(module_of_the_rule.__file__ or "").read_text()
    assert text.count(mutant.right) == 1, mutant.right
    made = ModuleType("mutant")
    made.__dict__["__name__"] = module_of_the_rule.__name__
    exec(compile(text.replace(mutant.right, mutant.wrong), "mutant", "exec"), made.__dict__)  # noqa: S102
    rule: Rule = made.__dict__["decide"]
    return rule


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.wrong[:50])
def test_seeded_bug_breaks_a_law(mutant):
    rule = mutated(mutant)

    assert any(breaks(rule, mutant.law, seed) for seed in SEEDS)


def breaks(rule, law, seed) -> bool:
    try:
        law(rule, Random(seed))  # noqa: S311
    except (AssertionError, ZeroDivisionError):
        return True
    return False
