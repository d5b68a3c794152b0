"""Imports point only downwards, and pure rooms stay pure: the table of docs/architecture.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "server" / "sessionwire"
MODULES = sorted(PACKAGE.rglob("*.py"))

LEVELS = [
    {"cli", "__main__"},
    {"__init__", "testing"},
    {"played"},
    {"app", "assembly", "serving", "fastapi"},
    {"gateways"},
    {"exchange", "observing", "recording"},
    {"relay"},
    {"doctor"},
    {"mail", "webhook"},
    {"auth"},
    {"store"},
    {"reactive"},
    {"settings", "spelling", "startup"},
    {"policy"},
    {"context", "errors", "model", "release", "tasks"},
]
"""From the top down; a room may import its own level and everything below it."""

PURE = [
    "reactive",
    "policy",
    "observing/facts",
    "observing/filter",
    "observing/reader",
    "observing/redaction",
    "observing/trace",
    "recording/copy",
    "recording/excerpt",
    "recording/pseudonyms",
    "recording/selection",
    "recording/tape",
    "recording/values",
    "gateways/live/frames",
    "gateways/live/protocol",
    "gateways/live/polling",
    "gateways/live/standing",
    "gateways/live/asyncapi",
    "gateways/live/server_frames",
    "gateways/live/vocabulary",
    "store/decode",
    "store/grouping",
    "store/reply",
    "store/examination/facts",
    "doctor/judgement",
    "doctor/catalogue",
    "doctor/facts",
    "doctor/finding",
]
IMPURE = {"asyncio", "time", "logging", "random", "secrets", "os", "socket", "threading"}


def room(module: str) -> str:
    """`sessionwire.store.feed` is in the room `store`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports(path: Path) -> list[str]:
    """Every module that a file imports, also for type checkers only."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


def level(name: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if name in rooms)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_downwards(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module in imports(path):
        if module.split(".")[0] == "sessionwire":
            assert level(room(module)) >= level(own), f"{own} imports {module}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "gateways").rglob("*.py")), ids=str)
def test_sibling_gateways_do_not_know_each_other(path: Path) -> None:
    parts = path.relative_to(PACKAGE / "gateways").parts
    beside = {"connection", "files", "pulse", "transport"}
    for module in imports(path):
        if module.startswith("sessionwire.gateways.") and len(parts) > 1:
            sibling = module.split(".")[2]
            assert sibling == parts[0] or sibling in beside, module


def test_only_the_store_knows_the_driver() -> None:
    for path in MODULES:
        names = {module.split(".")[0] for module in imports(path)}
        if path.relative_to(PACKAGE).parts[0] != "store":
            assert not names & {"pymongo", "motor"}, path
            assert "bson" not in names or path.name == "model.py", path


def test_pure_rooms_have_no_clock_loop_logger_or_chance() -> None:
    for path in MODULES:
        inside = str(path.relative_to(PACKAGE).with_suffix(""))
        if any(inside == pure or inside.startswith(pure + "/") for pure in PURE):
            names = {module.split(".")[0] for module in imports(path)}
            assert not names & IMPURE, f"{inside} imports {names & IMPURE}"
            source = path.read_text()
            assert "async def" not in source, inside
            assert ".now(" not in source, inside


def test_nobody_starts_a_task_that_nobody_holds() -> None:
    """A task lives in a TaskGroup; `embedded` says why its own cannot."""
    for path in MODULES:
        for line in path.read_text().splitlines():
            if "create_task(" in line and path.name != "embedded.py":
                assert "group.create_task(" in line or "tasks.create_task(" in line, (path, line)


def test_a_room_that_grew_too_large_is_split() -> None:
    for path in MODULES:
        assert len(path.read_text().splitlines()) <= 420, path
