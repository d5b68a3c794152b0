"""What docs/better-auth.md says to set is what can be set."""

from __future__ import annotations

import re
from pathlib import Path

from sessionwire.settings import Settings
from sessionwire.store.indexes import INDEXES

PAGE = (Path(__file__).parents[2] / "docs" / "better-auth.md").read_text(encoding="utf-8")


def test_every_setting_that_is_named_exists() -> None:
    named = {each.removesuffix("_FILE") for each in re.findall(r"SESSIONWIRE_([A-Z_]+)", PAGE)}
    assert named >= {"COMPAT", "ACTIVE_ORGANIZATION", "SECRET"}
    assert {each.lower() for each in named} <= Settings.model_fields.keys()


def test_the_query_for_duplicates_asks_for_every_unique_index_of_better_auth() -> None:
    asked = set(re.findall(r'\["(\w+)", "(\w+)"\]', PAGE))
    unique = {(name, field) for name, field, options in INDEXES if options.get("unique")}
    theirs = {"user", "session", "organization"}
    assert asked == {each for each in unique if each[0] in theirs}
