"""docs/security.md names, for each line of the checklist, a test that exists, or a reason."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-Z]{2}-\d\d) \| (.+?) \| (.*?) ?\|$")
COUNTS = {"WS": 20, "SE": 16, "PW": 12, "OI": 14, "OR": 6, "HT": 9, "DB": 4, "LG": 2,
          "RL": 1, "SC": 2, "TM": 1, "DO": 1}  # fmt: skip


def rows() -> dict[str, tuple[str, str]]:
    lines = (ROOT / "docs" / "security.md").read_text().splitlines()
    found = [match for match in map(ROW.match, lines) if match]
    return {each[1]: (each[2], each[3]) for each in found}


def test_every_line_of_the_checklist_is_there() -> None:
    wanted = {f"{kind}-{n:02}" for kind, count in COUNTS.items() for n in range(1, count + 1)}
    assert rows().keys() == wanted


def test_every_line_names_a_test_that_carries_its_id_or_says_why_not() -> None:
    for id, (says, proof) in rows().items():
        if not proof:
            assert says.startswith("Does not apply: "), id
            continue
        name, path = re.findall(r"`([^`]+)`", proof)
        assert id.lower().replace("-", "_") in name, id
        assert f"def {name}(" in (ROOT / path).read_text(), id
