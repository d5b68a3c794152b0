from __future__ import annotations

from auth.conftest import mongodb_uri, store

__all__ = ["mongodb_uri", "store"]
