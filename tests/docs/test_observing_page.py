"""docs/observing.md says every name of what is told as JSON; its metrics have a test elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from sessionwire.observing import facts
from sessionwire.reactive.tracer import Recomputed

PAGE = (Path(__file__).parents[2] / "docs" / "observing.md").read_text()
SHAPES = set(re.findall(r"`(\w+)`", PAGE.partition("## Shapes")[2]))
STRUCTS = [getattr(facts, name) for name in facts.__all__ if name.endswith("Facts")]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_field_of_a_shape_is_on_the_page(struct: type[msgspec.Struct]) -> None:
    names = {each.encode_name for each in msgspec.structs.fields(struct)}
    assert names <= SHAPES, names - SHAPES


def test_every_word_that_a_field_may_hold_is_on_the_page() -> None:
    for words in (facts.Stop, facts.DeliveryState, facts.Operation, Recomputed):
        assert set(get_args(words)) <= SHAPES, set(get_args(words)) - SHAPES
