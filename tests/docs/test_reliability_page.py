"""The pages that name the tests which prove them: all of these are there."""

from __future__ import annotations

import ast
import functools
import re
from typing import TYPE_CHECKING

import pytest

from chaos.mutations import MUTATIONS, ROOT, Mutation

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
OUTAGES = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE + OUTAGES)))
_TABLE = PAGE.partition("## The invariants")[2].partition("\n## ")[0]
ROWS = dict(re.findall(r"^\| (I\d+) \| (.+)$", _TABLE, re.M))


@functools.cache
def functions(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {each.name for each in nodes if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_the_page_names_is_there(path: str, name: str) -> None:
    assert name in functions(ROOT / path)


def test_every_outage_has_a_test() -> None:
    rows = re.findall(r"^\| \d+ \| (.+)$", OUTAGES.partition("## When something fails")[2], re.M)
    assert len(rows) >= 9
    assert all(re.search(r"`tests/[\w/]+\.py::\w+` \|$", row) for row in rows)


@pytest.mark.parametrize("id", [f"I{number}" for number in range(1, 29)])
def test_an_invariant_has_a_test_of_its_own_and_a_mutation(id: str) -> None:
    assert f"::test_i{int(id[1:]):02}_" in ROWS[id]
    assert any(each.invariant == id for each in MUTATIONS)


def test_every_test_of_an_invariant_is_on_the_page() -> None:
    here = ROOT / "tests" / "chaos"
    written = {
        name
        for path in here.glob("test_*.py")
        for name in functions(path)
        if re.match(r"test_i\d\d_", name)
    }
    assert written <= {name for _, name in NAMED}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[each.invariant for each in MUTATIONS])
def test_a_mutation_still_fits_the_server(mutation: Mutation) -> None:
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.right) == 1
