"""The seed of a run: printed by every test that throws dice, and settable to repeat it."""

from __future__ import annotations

import os
import random

import pytest

__all__ = ["SECONDS", "SOAK", "SOCKETS", "dice", "longer", "on_demand"]

SECONDS = float(os.environ.get("SESSIONWIRE_CHAOS_SECONDS", "12"))
"""How long the model checker injects faults."""

SOAK = float(os.environ.get("SESSIONWIRE_CHAOS_SOAK", "6"))
"""How many seconds people come and go."""

SOCKETS = int(os.environ.get("SESSIONWIRE_CHAOS_SOCKETS", "100"))
"""How many clients a crowd is."""

_SCALE = int(os.environ.get("SESSIONWIRE_CHAOS_SCALE", "1"))


on_demand = pytest.mark.skipif(_SCALE == 1, reason="in scripts/chaos invariants")
"""For what takes long, and has a shorter neighbour in every run."""


def dice(seed: int | None = None) -> random.Random:
    """Dice with this seed, or that of SESSIONWIRE_CHAOS_SEED, or a new one; it is printed."""
    chosen = seed or int(os.environ.get("SESSIONWIRE_CHAOS_SEED", "0"))
    chosen = chosen or random.randrange(1, 2**31)
    print(f"SESSIONWIRE_CHAOS_SEED={chosen}")  # noqa: T201 (pytest shows it when the test fails)
    return random.Random(chosen)


def longer(short: int) -> int:
    """So many in every run, SESSIONWIRE_CHAOS_SCALE times as many on demand."""
    return short * _SCALE
