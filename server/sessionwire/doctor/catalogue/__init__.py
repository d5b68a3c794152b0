"""Every code of a finding: where it belongs, how bad it may be, and why it matters."""

from __future__ import annotations

from sessionwire.doctor.catalogue import database, setup, web
from sessionwire.doctor.catalogue.entry import Entry

__all__ = ["AREAS", "CATALOGUE", "Entry"]

AREAS = ("settings", "machine", "database", "data", "web", "session", "unfinished")
"""In the order of a report."""

CATALOGUE: dict[str, Entry] = {**setup.ENTRIES, **database.ENTRIES, **web.ENTRIES}
