"""Whatever members do to each other, also at once: somebody who exists owns the organization."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.people import House
from sessionwire.auth.memberships import member_id
from sessionwire.errors import PeerError
from sessionwire.model import format_id
from sessionwire.policy.roles import has_role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionwire.model import Document
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store

PEOPLE = 4


@dataclass(frozen=True)
class Step:
    """One person's wish, which may be refused."""

    what: str
    who: int
    whom: int
    roles: tuple[str, ...]


steps = st.builds(
    Step,
    st.sampled_from(["leave", "remove", "set_roles", "invite", "activate"]),
    st.integers(0, PEOPLE - 1),
    st.integers(0, PEOPLE - 1),
    st.lists(st.sampled_from(["owner", "admin", "member"]), min_size=1, max_size=2).map(tuple),
)
batches = st.lists(st.lists(steps, min_size=1, max_size=4), min_size=2, max_size=6)
"""The steps of a batch are taken at once."""


@pytest.fixture(scope="module")
async def people(store: Store) -> list[SignedIn]:
    house = House(store)
    return [await house.person(f"Person {n}") for n in range(PEOPLE)]


async def take(house: House, people: Sequence[SignedIn], made: Document, step: Step) -> None:
    who, whom = await house.now(people[step.who]), people[step.whom]
    id = format_id(made["_id"])
    async with house.store.writing() as writing:
        match step.what:
            case "leave":
                await house.members.leave(writing, who, organization=id)
            case "remove":
                target = whom.user["email"]
                await house.members.remove(writing, who, target=target, organization=id)
            case "set_roles":
                member = format_id(member_id(made["_id"], whom.user["_id"]))
                await house.members.set_roles(
                    writing, who, member=member, roles=step.roles, organization=id
                )
            case "invite":
                invitation = await house.invitations.invite(
                    writing, who, email=whom.user["email"], roles=step.roles, organization=id
                )
                there = await house.now(whom)
                await house.invitations.accept(writing, there, id=invitation["_id"])
            case "activate":
                await house.organizations.activate(writing, who, id=id, slug=None)


async def refuse_disorder(house: House, people: Sequence[SignedIn], made: Document) -> None:
    members = await house.store.find("member", {"organizationId": made["_id"]})
    users = [each["userId"] for each in members]
    assert len(set(users)) == len(users)
    assert any(has_role(each["role"], "owner") for each in members)
    for each in people:
        now = await house.now(each)
        for holder in (now.user, now.session):
            if holder.get("activeOrganizationId") == format_id(made["_id"]):
                assert now.user["_id"] in users


@settings(max_examples=20, deadline=None)
@given(batches=batches)
async def test_or_05_an_owner_stays_whatever_is_done_at_once(
    store: Store, people: list[SignedIn], batches: list[list[Step]]
) -> None:
    house = House(store)
    made = await house.organization(people[0], activate=False)
    for each, role in zip(people[1:], ("admin", "admin", "member"), strict=True):
        await house.join(each, made, role)
    for batch in batches:
        done: list[Any] = await asyncio.gather(
            *(take(house, people, made, each) for each in batch), return_exceptions=True
        )
        for each in done:
            assert each is None or isinstance(each, PeerError), repr(each)
        await refuse_disorder(house, people, made)
