"""What an application may import is what we say it is."""

from __future__ import annotations

import sessionwire


def test_the_public_names_are_pinned() -> None:
    assert sorted(sessionwire.__all__) == [
        "Context",
        "SessionWire",
        "Settings",
        "Viewer",
        "__version__",
    ]
    for name in sessionwire.__all__:
        assert getattr(sessionwire, name)
