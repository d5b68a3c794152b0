"""docs/settings.md names every setting, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from sessionwire.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert named == set(Settings.model_fields) - {"limits"}


def test_what_is_called_a_secret_may_lie_in_a_file() -> None:
    marked = set(re.findall(r"`([a-z_]+)` \*secret\*", PAGE.read_text()))
    assert marked == set(Settings.secret_fields)
