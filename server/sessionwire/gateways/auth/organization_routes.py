"""Organizations and their members."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sessionwire.auth.members import FIELDS, OPERATORS, Filter, Page
from sessionwire.errors import BadRequest
from sessionwire.exchange.call import Call, Endpoint, Reply
from sessionwire.exchange.schema import (
    Field,
    Schema,
    boolean,
    choice,
    count,
    filled,
    record,
    roles,
)
from sessionwire.gateways.auth.wire import (
    full_json,
    member_json,
    organization_json,
    person_json,
)
from sessionwire.model import parse_id

__all__ = ["ENDPOINTS"]

_MEMBERS = 100
_MEMBERS_LIMIT = 1000


async def create(call: Call) -> Reply:
    metadata = call.body.get("metadata")
    full = await call.backing.organizations.create(
        call.writing,
        call.me,
        name=call.body["name"],
        slug=call.body["slug"],
        logo=call.body.get("logo"),
        metadata=metadata,
        activate=not call.body.get("keepCurrentActiveOrganization", False),
    )
    shown = organization_json(full.organization, metadata=metadata)
    return Reply({**shown, "members": [member_json(each.member) for each in full.members]})


async def list_organizations(call: Call) -> Reply:
    found = await call.backing.organizations.of_user(call.me.user)
    return Reply([organization_json(each) for each in found])


async def set_active(call: Call) -> Reply:
    me, organizations = call.me, call.backing.organizations
    if "organizationId" in call.body and call.body["organizationId"] is None:
        was = await organizations.deactivate(call.writing, me)
        return Reply(None, cookies=call.session_cookies() if was else ())
    id, slug = call.body.get("organizationId"), call.body.get("organizationSlug")
    if not id and not slug:
        found = await organizations.active(me)
    else:
        found = await organizations.activate(call.writing, me, id=id or None, slug=slug)
    if found is None:
        return Reply(None)
    return Reply(organization_json(found), cookies=call.session_cookies())


async def get_full_organization(call: Call) -> Reply:
    full = await call.backing.organizations.full(
        call.me,
        id=call.query.get("organizationId") or None,
        slug=call.query.get("organizationSlug") or None,
        limit=_bounded(call.query.get("membersLimit")),
    )
    return Reply(None if full is None else full_json(full))


async def list_members(call: Call) -> Reply:
    me = call.me
    page = Page(
        limit=_bounded(call.query.get("limit")),
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


def _bounded(limit: int | None) -> int:
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


_ID = Field("organizationId", required=False)
_SLUG = Field("organizationSlug", required=False)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/organization/create",
        create,
        session=True,
        body=Schema(
            (
                Field("name", filled),
                Field("slug", filled),
                Field("logo", required=False),
                Field("metadata", record, required=False),
                Field("keepCurrentActiveOrganization", boolean, required=False),
            )
        ),
    ),
    Endpoint("GET", "/organization/list", list_organizations, session=True),
    Endpoint(
        "POST",
        "/organization/set-active",
        set_active,
        session=True,
        body=Schema((Field("organizationId", required=False, nullable=True), _SLUG)),
    ),
    Endpoint(
        "GET",
        "/organization/get-full-organization",
        get_full_organization,
        session=True,
        query=Schema((_ID, _SLUG, Field("membersLimit", count, required=False))),
    ),
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
)
