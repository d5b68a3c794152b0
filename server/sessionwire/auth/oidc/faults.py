"""What can go wrong with a provider, and what of it may be said."""

from __future__ import annotations

from sessionwire.errors import PeerError, Unauthorized, Unavailable

__all__ = ["InvalidToken", "NotAdmitted", "ProviderFault", "ProviderNotFound"]


class ProviderFault(Unavailable):
    """A provider did not answer in time, or answered what cannot be trusted.

    `reason` is for the log; it holds nothing that the provider or the browser sent.
    """

    code = "PROVIDER_UNAVAILABLE"

    def __init__(self, reason: str) -> None:
        super().__init__("The identity provider cannot be reached.")
        self.reason = reason


class InvalidToken(Unauthorized):
    """An ID token that proves nothing; `reason` is for the log."""

    code = "INVALID_TOKEN"

    def __init__(self, reason: str) -> None:
        super().__init__("Invalid token")
        self.reason = reason


class NotAdmitted(PeerError):
    """The person is known, and may not do this; the code is one of the contract's redirects."""

    status = 401

    def __init__(self, code: str) -> None:
        super().__init__(code.replace("_", " "), code=code)


class ProviderNotFound(PeerError):
    code = "PROVIDER_NOT_FOUND"
    status = 404

    def __init__(self) -> None:
        super().__init__("Provider not found")
