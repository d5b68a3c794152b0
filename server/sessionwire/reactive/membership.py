"""In which organization the viewer is, and what a query may ask about that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sessionwire.errors import PeerError
from sessionwire.model import Document, ObjectId, parse_id
from sessionwire.reactive.extras import NO_EXTRAS
from sessionwire.reactive.fields import date, text
from sessionwire.reactive.identity import Ended, SignedIn, identify
from sessionwire.reactive.view import Context

if TYPE_CHECKING:
    from datetime import timedelta

    from sessionwire.model import Viewer
    from sessionwire.reactive.extras import Extras
    from sessionwire.reactive.view import Source

__all__ = ["Active", "SessionContext"]


@dataclass(frozen=True, slots=True)
class Active:
    """An organization, and the membership by which the viewer may see it."""

    organization: Document
    member: Document


class SessionContext(Context):
    """What a query is called with: documents of one moment, and who asks."""

    __slots__ = ("_truth", "_who", "extras", "maximum")

    def __init__(
        self,
        viewer: Viewer,
        source: Source,
        *,
        truth: Literal["user", "session"],
        maximum: timedelta,
        extras: Extras = NO_EXTRAS,
    ) -> None:
        super().__init__(viewer, source)
        self._truth = truth
        self._who: SignedIn | Ended | None = None
        self.extras = extras
        """What users and sessions are shown of the application's own fields."""
        self.maximum = maximum
        """How long after sign-in a session may last."""

    @property
    def who(self) -> SignedIn | Ended | None:
        """Who the viewer is: None for nobody, `Ended` when the session is over."""
        if self._who is None:
            self._who = identify(self)
        return self._who

    @property
    def signed_in(self) -> SignedIn | None:
        """The viewer's session and user documents; None when signed out."""
        who = self.who
        return who if isinstance(who, SignedIn) else None

    @property
    def user(self) -> Document | None:
        """The viewer's user document; None when signed out."""
        who = self.signed_in
        return None if who is None else who.user

    @property
    def organization(self) -> Document | None:
        """The viewer's active organization; None without one."""
        active = self.active()
        return None if active is None else active.organization

    @property
    def role(self) -> str | None:
        """The viewer's role in the active organization, such as "owner" or "admin,member"."""
        active = self.active()
        return None if active is None else text(active.member, "role")

    def active(self, pin: str | None = None) -> Active | None:
        """The organization of this pin, else the active one; only with a membership (P2).

        Raises PeerError `not_a_member` for a pin that is not the viewer's.
        """
        who = self.signed_in
        found = None if who is None else self._active(who, pin)
        if found is None and pin is not None and who is not None:
            raise PeerError("not a member of this organization", code="not_a_member")
        return found

    def _active(self, who: SignedIn, pin: str | None) -> Active | None:
        holder = who.user if self._truth == "user" else who.session
        wanted = holder.get("activeOrganizationId") if pin is None else pin
        wanted = parse_id(wanted) if isinstance(wanted, str) else wanted
        for member in self.memberships(who):
            if member["organizationId"] == wanted:
                organization = self.get("organization", member["organizationId"])
                return None if organization is None else Active(organization, member)
        return None

    def memberships(self, who: SignedIn) -> list[Document]:
        """The member documents of a viewer, oldest first; of a pair written twice, the older."""
        found = self.where("member", userId=who.user["_id"])
        if len(found) > 1:
            found.sort(key=lambda m: (date(m, "createdAt") or "", str(m["_id"])))
        unique: dict[Any, Document] = {}
        for each in found:
            if isinstance(each.get("organizationId"), ObjectId | str):
                unique.setdefault(each["organizationId"], each)
        return list(unique.values())
