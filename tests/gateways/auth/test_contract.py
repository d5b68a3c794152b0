"""Replays exchanges recorded from better-auth, and compares every answer with the recorded one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auth.rig import opened_store, settings_with
from gateways.auth.browser import Server
from gateways.auth.deviations import DEVIATIONS
from gateways.auth.replay import Replay

RECORDED: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "contract.json").read_text(encoding="utf-8")
)
"""By the server that was recorded: each had other options."""

OPTIONS: dict[str, dict[str, Any]] = {
    "main": {"google_client_id": "fake-client-id.apps.googleusercontent.com"},
    "development": {
        "environment": "development",
        "auto_sign_in": False,
        "delete_user": False,
        "change_email": False,
    },
    "limited": {"rate_limit": True},
    "cached": {},
    "secure": {"base_url": "https://127.0.0.1:3914"},
    "verified": {"require_email_verification": True},
}


@pytest.mark.parametrize("recorded", RECORDED)
@pytest.mark.parametrize(
    ("compat", "active_organization"), [("better-auth", "session"), ("none", "user")]
)
async def test_recorded_exchanges_are_answered_as_recorded(
    mongodb_uri: str, recorded: str, compat: str, active_organization: str
) -> None:
    settings = settings_with(
        compat=compat,
        active_organization=active_organization,
        personal_workspace=False,
        pages=False,
        google_client_secret="fake-client-secret",
        **OPTIONS[recorded],
    )
    async with opened_store(mongodb_uri) as store:
        replay = Replay(Server(store, settings))
        wrong = []
        for step in RECORDED[recorded]:
            try:
                if "setup" in step:
                    await replay.set_up(step)
                else:
                    await replay.run(step)
            except (AssertionError, LookupError) as error:
                wrong.append(f"{step['name']}: {(str(error) or repr(error)).splitlines()[0]}")
        assert not wrong, "\n".join(wrong)


def test_deviations_name_recorded_exchanges() -> None:
    names = {step["name"] for steps in RECORDED.values() for step in steps}
    assert DEVIATIONS.keys() <= names


def test_all_that_was_recorded_and_can_be_replayed_is() -> None:
    assert sum(len(steps) for steps in RECORDED.values()) >= 430
