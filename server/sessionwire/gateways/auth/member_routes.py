"""The members of an organization, and what they may do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sessionwire.auth.members import FIELDS, OPERATORS, Filter, Page
from sessionwire.errors import BadRequest
from sessionwire.exchange.call import Call, Endpoint, Reply
from sessionwire.exchange.schema import UNDEFINED, Field, Schema, anything, choice, count, roles
from sessionwire.gateways.auth.wire import member_json, person_json
from sessionwire.model import parse_id

__all__ = ["ENDPOINTS", "bounded"]

_MEMBERS = 100
_MEMBERS_LIMIT = 1000


async def list_members(call: Call) -> Reply:
    me = call.me
    page = Page(
        limit=bounded(call.query.get("limit")),
        offset=call.query.get("offset", 0),
        sort=call.query.get("sortBy"),
        direction=call.query.get("sortDirection", "asc"),
        filter=_filter(call.query),
    )
    found, total = await call.backing.members.page(
        me,
        page,
        id=call.query.get("organizationId") or None,
        slug=call.query.get("organizationSlug") or None,
    )
    return Reply({"members": [person_json(each) for each in found], "total": total})


def bounded(limit: int | None) -> int:
    """How many members one answer holds."""
    return min(limit or _MEMBERS, _MEMBERS_LIMIT)


def _filter(query: Any) -> Filter | None:
    """Raises BadRequest for a value that is not of the field's kind."""
    if "filterField" not in query or "filterValue" not in query:
        return None
    name, value = query["filterField"], query["filterValue"]
    kept: object = value
    if name in ("id", "userId"):
        kept = parse_id(value)
    elif name == "createdAt":
        kept = _moment(value)
    return Filter(name, query.get("filterOperator", "eq"), kept)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest(
            "[query.filterValue] Invalid ISO datetime", code="VALIDATION_ERROR"
        ) from None


async def remove_member(call: Call) -> Reply:
    removed = await call.backing.members.remove(
        call.writing,
        call.me,
        target=call.body["memberIdOrEmail"],
        organization=call.body.get("organizationId"),
    )
    shown = member_json(removed.member) if removed.user is None else person_json(removed)
    return Reply({"member": shown})


async def update_member_role(call: Call) -> Reply:
    changed = await call.backing.members.set_roles(
        call.writing,
        call.me,
        member=call.body["memberId"],
        roles=call.body["role"],
        organization=call.body.get("organizationId"),
    )
    return Reply(member_json(changed))


async def leave(call: Call) -> Reply:
    left = await call.backing.members.leave(
        call.writing, call.me, organization=call.body["organizationId"]
    )
    return Reply(person_json(left))


async def get_active_member(call: Call) -> Reply:
    return Reply(person_json(await call.backing.standing.active_member(call.me)))


async def get_active_member_role(call: Call) -> Reply:
    role = await call.backing.standing.role(
        call.me,
        user=call.query.get("userId") or None,
        id=call.query.get("organizationId") or None,
        slug=call.query.get("organizationSlug") or None,
    )
    return Reply({"role": role})


async def has_permission(call: Call) -> Reply:
    """`permission`, which better-auth gave up, is taken and grants nothing."""
    wanted = _wanted(call.body)
    granted = await call.backing.standing.allows(
        call.me, wanted, id=call.body.get("organizationId")
    )
    return Reply({"error": None, "success": granted})


def _wanted(body: Any) -> dict[str, list[str]]:
    """Raises BadRequest, which names no field: either of the two may be meant."""
    given = [body.get(name, UNDEFINED) for name in ("permissions", "permission")]
    if not any(_is_permissions(each) for each in given):
        raise BadRequest("[body] Invalid input", code="VALIDATION_ERROR")
    wanted: dict[str, list[str]] = given[0] if _is_permissions(given[0]) else {}
    return wanted


def _is_permissions(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(actions, list) and all(isinstance(each, str) for each in actions)
        for actions in value.values()
    )


_ID = Field("organizationId", required=False)
_SLUG = Field("organizationSlug", required=False)

ENDPOINTS = (
    Endpoint(
        "GET",
        "/organization/list-members",
        list_members,
        session=True,
        query=Schema(
            (
                Field("limit", count, required=False),
                Field("offset", count, required=False),
                Field("sortBy", choice(*FIELDS), required=False),
                Field("sortDirection", choice("asc", "desc"), required=False),
                Field("filterField", choice(*FIELDS), required=False),
                Field("filterValue", required=False),
                Field("filterOperator", choice(*OPERATORS), required=False),
                _ID,
                _SLUG,
            )
        ),
    ),
    Endpoint(
        "POST",
        "/organization/remove-member",
        remove_member,
        session=True,
        body=Schema((Field("memberIdOrEmail"), _ID)),
    ),
    Endpoint(
        "POST",
        "/organization/update-member-role",
        update_member_role,
        session=True,
        body=Schema((Field("role", roles), Field("memberId"), _ID)),
    ),
    Endpoint(
        "POST",
        "/organization/leave",
        leave,
        session=True,
        body=Schema((Field("organizationId"),)),
    ),
    Endpoint("GET", "/organization/get-active-member", get_active_member, session=True),
    Endpoint(
        "GET",
        "/organization/get-active-member-role",
        get_active_member_role,
        session=True,
        query=Schema((Field("userId", required=False), _ID, _SLUG)),
    ),
    Endpoint(
        "POST",
        "/organization/has-permission",
        has_permission,
        session=True,
        body=Schema(
            (
                Field("permissions", anything),
                Field("permission", anything, required=False),
                _ID,
            )
        ),
    ),
)
