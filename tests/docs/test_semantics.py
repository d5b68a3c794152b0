"""docs/semantics.md names tests that exist, for each promise."""

from __future__ import annotations

import re

from docs.pages import ROOT, read

PAGE = "docs/semantics.md"
PROOF = re.compile(r"^\* `([^`]+)` in `([^`]+)`", re.MULTILINE)


def proofs() -> dict[str, list[tuple[str, str]]]:
    """By promise: the name of each test, and its file."""
    promises = read(PAGE).partition("## The promises")[2].partition("\n## ")[0]
    parts = re.split(r"^### (P\d) .*$", promises, flags=re.MULTILINE)[1:]
    return {name: PROOF.findall(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def is_there(name: str, path: str) -> bool:
    """A function, a state machine's test case, or a test of the JavaScript client by its words."""
    text = (ROOT / path).read_text()
    if path.endswith(".js"):
        return f"test('{name}'" in text
    return f"def {name}(" in text or f"\n{name} = " in text


def test_every_promise_names_tests_and_every_test_is_there() -> None:
    found = proofs()
    assert list(found) == [f"P{number}" for number in range(1, 10)]
    for promise, tests in found.items():
        assert len(tests) >= 4, promise
        assert [each for each in tests if not is_there(*each)] == [], promise


def test_no_line_of_a_proof_is_overlooked() -> None:
    listed = sum(len(tests) for tests in proofs().values())
    promises = read(PAGE).partition("## The promises")[2].partition("\n## ")[0]
    assert listed == promises.count("\n* ")


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert not is_there("test_every_frame_equals", "tests/system/test_exactness.py")
    assert not is_there("never go down", "client_js/test/protocol.test.js")
