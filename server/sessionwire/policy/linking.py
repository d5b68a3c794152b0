"""Who somebody is whom an identity provider vouches for: the decisions, as tables.

The key of a person is the provider and the subject, never the address: an address may change hands,
and a provider may say what it likes about one that nobody proved.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sessionwire.model import Document

__all__ = ["Address", "Decision", "Owner", "decide_link", "decide_sign_in", "may_unlink"]


class Decision(Enum):
    """What becomes of it; the value of a refusal is the code that the browser is told."""

    ENTER = "enter"
    """The account is known: its user signs in."""
    CREATE = "create"
    """A new user, with this account."""
    JOIN = "join"
    """The account becomes one of the user's."""
    KEEP = "keep"
    """The account is the user's already."""
    NO_EMAIL = "email_not_found"
    NOT_LINKED = "account_not_linked"
    SIGN_UP_DISABLED = "signup_disabled"
    TAKEN = "account_already_linked_to_different_user"


class Address(Enum):
    """What is known here of the address that the provider names."""

    MISSING = "missing"
    """It names none, or none that can be one."""
    FREE = "free"
    """No user has it."""
    PROVEN = "proven"
    """A user has it, and it was confirmed to be theirs."""
    CLAIMED = "claimed"
    """A user has it who may have taken somebody else's (CVE-2026-53516)."""


class Owner(Enum):
    """Whose account it is."""

    NOBODY = "nobody"
    SELF = "self"
    OTHER = "other"


_SIGN_IN: Mapping[tuple[Address, bool], Decision] = {
    (Address.MISSING, False): Decision.NO_EMAIL,
    (Address.MISSING, True): Decision.NO_EMAIL,
    (Address.FREE, False): Decision.CREATE,
    (Address.FREE, True): Decision.CREATE,
    (Address.CLAIMED, False): Decision.NOT_LINKED,
    (Address.CLAIMED, True): Decision.NOT_LINKED,
    (Address.PROVEN, False): Decision.NOT_LINKED,
    (Address.PROVEN, True): Decision.JOIN,
}
"""By the address, and by whether the provider says that it was verified."""

_LINK: Mapping[Owner, Decision] = {
    Owner.NOBODY: Decision.JOIN,
    Owner.SELF: Decision.KEEP,
    Owner.OTHER: Decision.TAKEN,
}


def decide_sign_in(*, known: bool, address: Address, verified: bool, sign_up: bool) -> Decision:
    """For somebody who is not signed in; `known` when the account has a user."""
    if known:
        return Decision.ENTER
    decision = _SIGN_IN[address, verified]
    if decision is Decision.CREATE and not sign_up:
        return Decision.SIGN_UP_DISABLED
    return decision


def decide_link(owner: Owner) -> Decision:
    """For somebody who is signed in, and asked for it: then the address does not matter."""
    return _LINK[owner]


def may_unlink(
    account: Document, accounts: Iterable[Document], *, providers: Collection[str]
) -> bool:
    """Whether its user can still sign in afterwards, with one of the others."""
    return any(each["_id"] != account["_id"] and _opens(each, providers) for each in accounts)


def _opens(account: Document, providers: Collection[str]) -> bool:
    if account.get("providerId") == "credential":
        return isinstance(account.get("password"), str)
    return account.get("providerId") in providers
