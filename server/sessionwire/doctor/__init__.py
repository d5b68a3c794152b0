"""Examines a set-up and says what is wrong with it, why that matters, and what to do.

`looking` gathers facts, here and in `store/examination`; `judgement` is pure and makes findings of
them; `examination` runs the checks side by side, each within its own time.
"""
