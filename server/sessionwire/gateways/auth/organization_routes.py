"""Organizations: made, listed, made active, shown, changed and deleted."""

from __future__ import annotations

from sessionwire.exchange.call import Call, Endpoint, Reply
from sessionwire.exchange.schema import Field, Schema, anything, boolean, count, filled, record
from sessionwire.gateways.auth.member_routes import bounded
from sessionwire.gateways.auth.wire import (
    full_json,
    member_json,
    organization_json,
    updated_json,
)

__all__ = ["ENDPOINTS"]


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
        limit=bounded(call.query.get("membersLimit")),
    )
    return Reply(None if full is None else full_json(full))


async def get_organization(call: Call) -> Reply:
    found = await call.backing.organizations.plain(
        call.me,
        id=call.query.get("organizationId") or None,
        slug=call.query.get("organizationSlug") or None,
    )
    return Reply(None if found is None else organization_json(found))


async def check_slug(call: Call) -> Reply:
    _ = call.me  # raises for who is not signed in
    await call.backing.administration.refuse_taken(call.body["slug"])
    return Reply({"status": True})


async def update(call: Call) -> Reply:
    changes = _CHANGES.parse(call.body["data"], where="body.data")
    changed = await call.backing.administration.update(
        call.writing, call.me, organization=call.body.get("organizationId"), changes=changes
    )
    return Reply(updated_json(changed))


async def delete(call: Call) -> Reply:
    deleted = await call.backing.administration.delete(
        call.writing, call.me, organization=call.body["organizationId"]
    )
    return Reply(organization_json(deleted))


_CHANGES = Schema(
    (
        Field("name", filled, required=False),
        Field("slug", filled, required=False),
        Field("logo", required=False, nullable=True),
        Field("metadata", record, required=False),
    )
)

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
        "/organization/get-organization",
        get_organization,
        session=True,
        query=Schema((_ID, _SLUG)),
    ),
    Endpoint(
        "POST",
        "/organization/check-slug",
        check_slug,
        session=True,
        body=Schema((Field("slug"),)),
    ),
    Endpoint(
        "POST",
        "/organization/update",
        update,
        session=True,
        body=Schema((Field("data", anything), _ID)),
    ),
    Endpoint(
        "POST",
        "/organization/delete",
        delete,
        session=True,
        body=Schema((Field("organizationId"),)),
    ),
)
