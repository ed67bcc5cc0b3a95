"""The file that hosts get."""

import ast
import sys
from pathlib import Path

from runners.agents.agent import USUAL
from runners.agents.program import PARTS, program

ROOT = Path(__file__).parents[3]


def test_program_is_one_file_of_the_standard_library_and_reads_as_python_3_6():
    tree = ast.parse(program(), feature_version=(3, 6))
    running = [node for node in ast.walk(tree) if not _for_types_only(node)]
    names = {alias.name for node in running if isinstance(node, ast.Import) for alias in node.names}
    modules = {node.module for node in running if isinstance(node, ast.ImportFrom)}

    assert names <= sys.stdlib_module_names
    assert modules == {"collections"}
    assert program().startswith("#!/usr/bin/python3 -IS\n")


def test_program_has_no_annotation_that_an_old_python_evaluates():
    """`int | None` and `dict[str, int]` are errors at run time before 3.10 and 3.9, unless they stand in quotes."""
    tree = ast.parse(program())
    places = [a.annotation for a in ast.walk(tree) if isinstance(a, ast.arg | ast.AnnAssign)]
    places += [node.returns for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]

    assert [ast.unparse(p) for p in places if isinstance(p, ast.BinOp | ast.Subscript)] == []


def test_settings_of_the_file_are_those_that_the_program_asks_for():
    text = (ROOT / "templates/agent/agent.env").read_text()
    written = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))

    assert written == {"SHIPWAY_AGENT_CONTROLLERS": "shipway.example.com:8443", **USUAL}


def test_every_part_is_in_it():
    assert all(f'"""{_first_words(part)}' in program() for part in PARTS)


def _first_words(part: str) -> str:
    return (ROOT / f"runners/agents/{part}.py").read_text().removeprefix('"""').partition("\n")[0]


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module in ("collections.abc", "runners.agents.cable")
