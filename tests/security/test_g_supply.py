"""What we stand on, and how secrets are compared (security lines SC-01 and TM-01)."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "server" / "sessionwire"

FLOORS = {
    "starlette": "1.3.1",  # CVE-2026-48710, PYSEC-2026-248, PYSEC-2026-249
    "uvicorn": "0.52.1",  # no write flow control before
    "h11": "0.16.0",  # CVE-2025-43859
    "python-multipart": "0.0.32",  # CVE-2026-42561 and before
    "websockets": "13",
    "pymongo": "4.18.2",  # PYSEC-2026-4296
    "authlib": "1.9.0",  # PYSEC-2026-4357
    "itsdangerous": "2.2.0",
}


@pytest.mark.parametrize("name", FLOORS)
def test_sc_01_nothing_older_than_its_last_known_hole_is_installed(name: str) -> None:
    try:
        assert Version(version(name)) >= Version(FLOORS[name])
    except PackageNotFoundError:
        assert name in ("h11", "python-multipart")  # only where something else brings them along


def test_sc_01_nothing_older_can_be_installed_with_us() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = {each.name: each for each in map(Requirement, project["dependencies"])}
    for name in FLOORS.keys() & required.keys():
        for specifier in required[name].specifier:
            assert specifier.operator == ">="
            assert Version(specifier.version) >= Version(FLOORS[name]), name


_SECRET = re.compile(r"token|signature|digest|password|hashed|secret|verifier|nonce|\bmac\b", re.I)
_NOT_SECRET = {
    # Pseudonyms, and sessions that are played in tests: nobody is let in by them.
    "recording/pseudonyms.py": {"number != token"},
    "testing.py": {"each.get('token') == credential"},
    # Two values of the database: whether a hash was replaced in between.
    "auth/accounts.py": {"_hash_in(account) == _hash_in(seen)"},
    # Whose token it is, once it was found by its hash.
    "auth/removal.py": {"await self._verifications.peek('delete-account', token) != mine"},
    # The caller's own password with itself: in another form, and typed twice.
    "gateways/pages/recovery_pages.py": {"password != call.body.get('again', '')"},
    "auth/passwords.py": {"unicodedata.normalize('NFKC', password) == password"},
}


def test_tm_01_no_secret_is_compared_letter_by_letter() -> None:
    """Secrets are looked up by their hash, or compared by `hmac.compare_digest`."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = str(path.relative_to(PACKAGE))
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Compare):
                continue
            if not any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
                continue
            sides = [node.left, *node.comparators]
            constant = any(isinstance(each, ast.Constant | ast.List) for each in sides)
            text = ast.unparse(node)
            named = any(_SECRET.search(ast.unparse(each)) for each in sides)
            if named and not constant and text not in _NOT_SECRET.get(inside, set()):
                found.append(f"{inside}: {text}")
    assert not found, found


def test_tm_01_signatures_are_compared_in_constant_time() -> None:
    for name in ("policy/cookies.py", "auth/passwords.py"):
        assert "hmac.compare_digest(" in (PACKAGE / name).read_text()
