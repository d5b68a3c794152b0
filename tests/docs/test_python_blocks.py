"""Every Python block of the documentation runs, or says why it is only compiled."""

from __future__ import annotations

import ast
import contextlib
import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from docs.pages import ROOT, Block, blocks
from sessionwire import SessionWire

if TYPE_CHECKING:
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

PYTHON = blocks("python")
RUN = [each for each in PYTHON if not each.marker]
ADDRESS = "http://127.0.0.1:8000"
SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"


def test_there_are_blocks_and_most_of_them_run() -> None:
    assert len(PYTHON) > 15 and len(RUN) > len(PYTHON) / 2
    assert {each.language for each in blocks("py", "python3", "Python")} == set()


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.name)
async def test_a_block_runs_as_it_stands(
    block: Block, settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application of a page serves; `wire` is its own server, where a block only uses it."""
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    given = {
        "MONGODB_URI": uri,
        "SESSIONWIRE_MONGODB_URI": uri,
        "SESSIONWIRE_DATABASE": settings.database,
        "SESSIONWIRE_SECRET": SECRET,
        "SESSIONWIRE_BASE_URL": ADDRESS,
        "SESSIONWIRE_WEBHOOK_URL": f"{ADDRESS}/events",
        "SESSIONWIRE_WEBHOOK_SECRET": SECRET,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {"__name__": "example"}
    if "wire = SessionWire(" not in block.text:
        names["wire"] = SessionWire()
    monkeypatch.setitem(sys.modules, "example", type(sys)("example"))
    exec(compile(block.text, block.name, "exec"), names)
    async with contextlib.AsyncExitStack() as stack:
        if "wire" in names and "app" in names:
            await stack.enter_async_context(names["app"].router.lifespan_context(names["app"]))
        elif "wire = SessionWire(" in block.text:
            await stack.enter_async_context(names["wire"].lifespan())
        if "lifespan" not in names and "client" in names:
            await stack.enter_async_context(names["client"])


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.name)
def test_a_block_compiles_and_imports_what_there_is(block: Block) -> None:
    tree = ast.parse(block.text, block.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                importlib.import_module(each.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            module = importlib.import_module(node.module)
            assert [each.name for each in node.names if not hasattr(module, each.name)] == []


@pytest.mark.parametrize(
    "block", [each for each in PYTHON if each.marker], ids=lambda block: block.name
)
def test_a_block_that_does_not_run_here_says_why(block: Block) -> None:
    if block.marker == "compiled:":
        assert len(block.reason) > 10
    else:
        test = (ROOT / block.reason).read_text()
        assert block.page in test, f"{block.reason} does not speak of {block.page}"
