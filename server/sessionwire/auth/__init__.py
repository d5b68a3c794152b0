"""Who is signed in, for code of the same process: `auth.api.get_session(headers=…)`."""

from sessionwire.auth import api

__all__ = ["api"]
