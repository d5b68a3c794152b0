"""What an application may import is what we say it is."""

from __future__ import annotations

import sessionwire


def test_the_public_names_are_pinned() -> None:
    assert sorted(sessionwire.__all__) == [
        "Context",
        "Event",
        "Refusal",
        "SessionView",
        "SessionWire",
        "Settings",
        "User",
        "Viewer",
        "__version__",
        "assert_fetch_metadata",
        "assert_origin",
        "auth",
        "get_current_session",
        "hydration_script",
        "no_store",
        "require_user",
        "secure_error_json",
        "secure_user_json",
    ]
    for name in sessionwire.__all__:
        assert getattr(sessionwire, name)
