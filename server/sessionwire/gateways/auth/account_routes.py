"""Signing up, in and out; the profile and the password."""

from __future__ import annotations

from typing import Any

from sessionwire.errors import BadRequest
from sessionwire.exchange.call import Call, Endpoint, Reply
from sessionwire.exchange.schema import Field, Schema, address, boolean
from sessionwire.gateways.auth.wire import user_json

__all__ = ["ENDPOINTS"]


async def sign_up(call: Call) -> Reply:
    remember = call.body.get("rememberMe", True)
    entered = await call.backing.accounts.sign_up(
        call.writing,
        name=call.body["name"],
        email=call.body["email"],
        password=call.body["password"],
        image=call.body.get("image"),
        device=call.device(remember=remember),
    )
    return Reply(
        {"token": entered.opened.handle, "user": user_json(entered.user)},
        cookies=call.backing.cookies.session(entered.opened.token, remember=remember),
    )


async def sign_in(call: Call) -> Reply:
    remember = call.body.get("rememberMe", True)
    entered = await call.backing.accounts.sign_in(
        call.writing,
        email=call.body["email"],
        password=call.body["password"],
        device=call.device(remember=remember),
    )
    target = call.body.get("callbackURL")
    shown: dict[str, Any] = {"redirect": bool(target), "token": entered.opened.handle}
    if target:
        shown["url"] = target
    return Reply(
        {**shown, "user": user_json(entered.user)},
        cookies=call.backing.cookies.session(entered.opened.token, remember=remember),
        headers={"location": target} if target else {},
    )


async def sign_out(call: Call) -> Reply:
    await call.backing.sessions.sign_out(call.writing, call.viewer)
    return Reply({"success": True}, cookies=call.backing.cookies.deletion())


async def update_user(call: Call) -> Reply:
    me = call.me
    if "email" in call.body:
        raise BadRequest("Email can not be updated", code="EMAIL_CAN_NOT_BE_UPDATED")
    changes = {name: call.body[name] for name in ("name", "image") if name in call.body}
    if not changes:
        raise BadRequest("No fields to update", code="NO_FIELDS_TO_UPDATE")
    await call.backing.accounts.update_profile(call.writing, me.user, changes)
    return Reply({"status": True}, cookies=call.session_cookies())


async def change_password(call: Call) -> Reply:
    me = call.me
    anew = call.body.get("revokeOtherSessions", False)
    opened = await call.backing.accounts.change_password(
        call.writing,
        me,
        current=call.body["currentPassword"],
        new=call.body["newPassword"],
        device=call.device(remember=call.remembers) if anew else None,
    )
    if opened is None:
        return Reply({"token": None, "user": user_json(me.user)})
    return Reply(
        {"token": opened.handle, "user": user_json(me.user)},
        cookies=call.backing.cookies.session(opened.token, remember=call.remembers),
    )


def anything(value: object) -> object:
    return value


_CALLBACK = Field("callbackURL", required=False)
_REMEMBER = Field("rememberMe", boolean, required=False)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/sign-up/email",
        sign_up,
        login=True,
        form=True,
        limit="credentials",
        body=Schema(
            (
                Field("name"),
                Field("email", address),
                Field("password"),
                Field("image", required=False),
                _CALLBACK,
                _REMEMBER,
            )
        ),
    ),
    Endpoint(
        "POST",
        "/sign-in/email",
        sign_in,
        login=True,
        form=True,
        limit="credentials",
        body=Schema((Field("email"), Field("password"), _CALLBACK, _REMEMBER)),
    ),
    Endpoint("POST", "/sign-out", sign_out),
    Endpoint(
        "POST",
        "/update-user",
        update_user,
        session=True,
        body=Schema(
            (
                Field("name", required=False),
                Field("image", required=False, nullable=True),
                Field("email", anything, required=False),
            ),
            container="record",
        ),
    ),
    Endpoint(
        "POST",
        "/change-password",
        change_password,
        session=True,
        body=Schema(
            (
                Field("newPassword"),
                Field("currentPassword"),
                Field("revokeOtherSessions", boolean, required=False),
            )
        ),
    ),
)
