"""YAML without guesses, tags or bombs."""

import pytest

from pipeline.errors import BadConfig
from pipeline.yaml_text import load

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)


def refusal(text: str) -> str:
    with pytest.raises(BadConfig) as caught:
        load(text, "f.yml")
    return str(caught.value)


def test_scalars_stay_texts():
    text = "a: [1.10, 0755, no, 22:22, 2026-01-01, ~, null, '', ]"

    assert load(text, "f") == {"a": ["1.10", "0755", "no", "22:22", "2026-01-01", None, None, ""]}


def test_an_empty_text_is_nothing():
    assert load("# only a comment\n", "f") is None


def test_merges_let_the_own_key_win_and_the_first_of_several():
    text = "a: &a {x: a, y: a}\nb: &b {y: b, z: b}\nc: {<<: [*a, *b], z: c}\nd: {<<: *b, <<: *a}"

    loaded = load(text, "f")

    assert loaded["c"] == {"x": "a", "y": "a", "z": "c"}
    assert loaded["d"] == {"y": "b", "z": "b", "x": "a"}


def test_every_duplicate_key_is_told_with_its_line():
    assert refusal("a: 1\nb: {c: 1,\n c: 2}\na: 2\n").splitlines() == [
        "f.yml line 3: the key 'c' is already on line 2; remove one.",
        "f.yml line 4: the key 'a' is already on line 1; remove one.",
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "a: !!python/object/apply:os.system [id]",
            "line 1: the tag !!python/object/apply:os.system is not known",
        ),
        ("a: !mine x", "line 1: the tag !mine is not known here; remove it."),
        ("a: !!set {x}", "line 1: the tag !!set is not known"),
        ("? [a]\n: 1", "line 1: a key must be a plain text."),
        ("~: 1", "line 1: a key must be a plain text."),
        ("a: {<<: x}", "line 1: '<<' takes a mapping or a list of mappings."),
        ("a: b: c", "line 1: mapping values are not allowed here."),
        ("a: [", "line 1: while parsing a flow node expected the node content, but found '<stream end>'."),
        ("--- a\n--- b", "line 2: expected a single document in the stream but found another document."),
        ("a: *b", "line 1: found undefined alias 'b'."),
        ("a: \x01", "is not readable as YAML: unacceptable character #x0001"),
        ("a: &a [*a]", "line 1: too many or too deeply nested values"),
        (BOMB, "line 1: too many or too deeply nested values"),
        ("[" * 100_000, "line 1: nested too deeply."),
        ("x" * (1 << 20) + "x", "is larger than 1 MiB. Is it the right file?"),
    ],
)
def test_what_cannot_be_read_is_told(text, what):
    assert refusal(text).startswith(f"f.yml {what}")
