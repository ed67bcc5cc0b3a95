"""What we read out of a Dockerfile."""

import pytest

from pipeline.delivery.dockerfile import base_of, bases, has_stage, runs_something, syntax, without_syntax

SHOP = """\
# syntax=docker/dockerfile:1
# check=skip=all
ARG PY=3.11
ARG REGISTRY
FROM ${REGISTRY:-docker.io}/python:$PY-slim AS base
RUN pip install \\
  # a comment between
  flask
FROM base AS Test
COPY --from=busybox:1 /bin/busybox /b
RUN <<EOF
FROM not-a-base
EOF
CMD ["pytest"]
FROM --platform=linux/amd64 base
COPY --from=Test /x /x
COPY --from=0 /y /y
"""


def test_stage_is_found_in_any_case():
    assert has_stage(SHOP, "test")
    assert not has_stage(SHOP, "tests")
    assert not has_stage("", "test")


def test_stage_with_a_command_of_its_own_runs_something():
    assert runs_something(SHOP, "test")
    assert not runs_something(SHOP, "base")


@pytest.mark.parametrize(
    ("args", "first"),
    [({}, "docker.io/python:3.11-slim"), ({"PY": "3.13", "REGISTRY": "r:5000"}, "r:5000/python:3.13-slim")],
)
def test_bases_are_the_images_from_elsewhere_with_arguments_filled_in(args, first):
    assert bases(SHOP, args) == (first, "busybox:1")


def test_scratch_is_no_base():
    assert bases("FROM scratch\nCOPY x /\n", {}) == ()


def test_syntax_line_goes_and_line_numbers_stay():
    assert syntax(SHOP) == "docker/dockerfile:1"
    assert syntax(without_syntax(SHOP)) == ""
    assert without_syntax(SHOP).splitlines()[1:] == SHOP.splitlines()[1:]


def test_syntax_in_a_later_comment_is_only_a_comment():
    assert syntax("FROM a\n# syntax=docker/dockerfile:1\n") == ""


def test_other_escape_character_is_obeyed():
    assert bases("# escape=`\nFROM `\n  windows\n", {}) == ("windows",)


@pytest.mark.parametrize(
    "text", ["FROM", "FROM  \\", "FROM a AS", "RUN x\n", "\\", "ARG\nFROM $X", "RUN <<EOF\n"]
)
def test_broken_dockerfile_is_left_to_the_engine(text):
    bases(text, {})


@pytest.mark.parametrize(
    ("target", "base"),
    [("", "docker.io/python:3.11-slim"), ("test", "docker.io/python:3.11-slim"), ("nowhere", "")],
)
def test_built_stage_begins_with_an_image_through_other_stages(target, base):
    assert base_of(SHOP, {}, target) == base


def test_scratch_is_no_image():
    assert base_of("FROM golang AS build\nFROM scratch\nCOPY --from=build /a /a\n", {}, "") == ""


def test_stage_named_as_its_base_begins_with_the_image():
    assert base_of("FROM nginx AS nginx\nFROM nginx\n", {}, "") == "nginx"
