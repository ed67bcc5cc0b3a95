"""What a pull would bring: the layers after the longest common beginning."""

import pytest

from runners.engines.images import missing_bytes

LAYERS = [("a", 1), ("b", 10), ("c", 100)]


class Engine:
    """Has these images."""

    def __init__(self, *images: str) -> None:
        self._images = images

    def images(self, quiet: bool) -> list[str]:
        return list(self._images)

    def inspect_image(self, image: str) -> dict[str, dict[str, list[str]]]:
        return {"RootFS": {"Layers": list(image)}}


@pytest.mark.parametrize(
    ("images", "missing"),
    [
        ((), 111),
        (("abx", "x"), 100),
        (("ab", "a"), 100),
        (("abc",), 0),
        (("abcd",), 0),
        (("xbc", ""), 111),
    ],
)
def test_layers_below_which_nothing_differs_are_there_already(images: tuple[str, ...], missing: int) -> None:
    assert missing_bytes(Engine(*images), LAYERS) == missing  # type: ignore[arg-type]


def test_an_image_that_is_gone_weighs_nothing_that_can_be_told() -> None:
    assert missing_bytes(Engine("abc"), []) is None  # type: ignore[arg-type]
