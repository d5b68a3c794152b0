"""docs/troubleshooting.md names every finding of the doctor, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from sessionwire.doctor.catalogue import AREAS, CATALOGUE
from sessionwire.doctor.finding import Report

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text()


def test_the_table_is_that_of_the_catalogue() -> None:
    """Made anew by printing these rows."""
    table = PAGE.partition("## All findings")[2].strip().splitlines()[2:]
    rows = [
        f"| `{code}` | {', '.join(entry.severities)} | {entry.why} |"
        for area in AREAS
        for code, entry in CATALOGUE.items()
        if entry.area == area
    ]
    assert table == rows


def test_every_finding_that_a_symptom_leads_to_exists() -> None:
    symptoms = PAGE.partition("## For programs")[0]
    named = {
        name
        for line in symptoms.splitlines()
        for name in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", line)
    }
    assert named <= CATALOGUE.keys() and len(named) > 40


def test_the_document_of_the_page_is_one_of_the_doctors() -> None:
    (document,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    report = msgspec.json.decode(document, type=Report)
    assert report.findings[0].code in CATALOGUE
    assert all(f"`{area}`" in PAGE for area in AREAS)
