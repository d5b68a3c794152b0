"""Invitations into organizations."""

from __future__ import annotations

from sessionwire.errors import BadRequest
from sessionwire.exchange.call import Call, Endpoint, Reply
from sessionwire.exchange.schema import Field, Schema, boolean, roles
from sessionwire.gateways.auth.wire import invitation_json, member_json, pending_json, shown_json

__all__ = ["ENDPOINTS"]


async def invite_member(call: Call) -> Reply:
    invitation = await call.backing.invitations.invite(
        call.writing,
        call.me,
        email=call.body["email"],
        roles=call.body["role"],
        organization=call.body.get("organizationId"),
        resend=call.body.get("resend", False),
    )
    return Reply(invitation_json(invitation))


async def accept_invitation(call: Call) -> Reply:
    accepted = await call.backing.invitations.accept(
        call.writing, call.me, id=call.body["invitationId"]
    )
    return Reply(
        {
            "invitation": invitation_json(accepted.invitation),
            "member": member_json(accepted.member),
        }
    )


async def reject_invitation(call: Call) -> Reply:
    rejected = await call.backing.invitations.reject(
        call.writing, call.me, id=call.body["invitationId"]
    )
    return Reply({"invitation": invitation_json(rejected), "member": None})


async def cancel_invitation(call: Call) -> Reply:
    cancelled = await call.backing.invitations.cancel(
        call.writing, call.me, id=call.body["invitationId"]
    )
    return Reply(invitation_json(cancelled))


async def get_invitation(call: Call) -> Reply:
    return Reply(shown_json(await call.backing.invitations.shown(call.me, id=call.query["id"])))


async def list_invitations(call: Call) -> Reply:
    found = await call.backing.invitations.of_organization(
        call.me, id=call.query.get("organizationId")
    )
    return Reply([invitation_json(each) for each in found])


async def list_user_invitations(call: Call) -> Reply:
    me = call.me
    if "email" in call.query:
        raise BadRequest("User email cannot be passed for client side API calls.")
    found = await call.backing.invitations.of_user(me)
    return Reply([pending_json(each) for each in found])


_INVITATION = Schema((Field("invitationId"),))
_ID = Field("organizationId", required=False)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/organization/invite-member",
        invite_member,
        session=True,
        body=Schema(
            (
                Field("email"),
                Field("role", roles),
                _ID,
                Field("resend", boolean, required=False),
            )
        ),
        limit="mail",
    ),
    Endpoint(
        "POST",
        "/organization/accept-invitation",
        accept_invitation,
        session=True,
        body=_INVITATION,
    ),
    Endpoint(
        "POST",
        "/organization/reject-invitation",
        reject_invitation,
        session=True,
        body=_INVITATION,
    ),
    Endpoint(
        "POST",
        "/organization/cancel-invitation",
        cancel_invitation,
        session=True,
        body=_INVITATION,
    ),
    Endpoint(
        "GET",
        "/organization/get-invitation",
        get_invitation,
        session=True,
        query=Schema((Field("id"),)),
    ),
    Endpoint(
        "GET",
        "/organization/list-invitations",
        list_invitations,
        session=True,
        query=Schema((_ID,)),
    ),
    Endpoint(
        "GET",
        "/organization/list-user-invitations",
        list_user_invitations,
        session=True,
        query=Schema((Field("email", required=False),)),
    ),
)
