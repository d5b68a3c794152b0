"""Signing up, in and out; the profile, the password, and the end of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionwire.errors import BadRequest
from sessionwire.exchange.call import Call, Endpoint, Reply
from sessionwire.exchange.schema import Field, Schema, address, boolean, scalar
from sessionwire.gateways.auth.wire import session_json, user_json

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ENDPOINTS"]

_REST = "rest"


async def sign_up(call: Call) -> Reply:
    """Signed in at once, or else by a mail: then nothing tells a taken address from a free one."""
    settings = call.backing.settings
    if not settings.sign_up:
        raise BadRequest(
            "Email and password sign up is not enabled", code="EMAIL_PASSWORD_SIGN_UP_DISABLED"
        )
    if settings.auto_sign_in and not settings.require_email_verification:
        return await _sign_up_and_in(call)
    user = await call.backing.accounts.register(
        call.writing,
        name=call.body["name"],
        email=call.body["email"],
        password=call.body["password"],
        image=call.body.get("image"),
        target=call.body.get("callbackURL") or None,
    )
    shown = user_json(user, extras=call.backing.extras)
    return Reply({"token": None, "user": shown}, awaited=False)


async def _sign_up_and_in(call: Call) -> Reply:
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
        {
            "token": entered.opened.handle,
            "user": user_json(entered.user, extras=call.backing.extras),
        },
        cookies=call.backing.cookies.session(entered.opened.token, remember=remember),
    )


async def sign_in(call: Call) -> Reply:
    remember = call.body.get("rememberMe", True)
    entered = await call.backing.accounts.sign_in(
        call.writing,
        email=call.body["email"],
        password=call.body["password"],
        device=call.device(remember=remember),
        target=call.body.get("callbackURL") or None,
    )
    target = call.body.get("callbackURL")
    shown: dict[str, Any] = {"redirect": bool(target), "token": entered.opened.handle}
    if target:
        shown["url"] = target
    return Reply(
        {**shown, "user": user_json(entered.user, extras=call.backing.extras)},
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
    changes |= _configured(call, call.backing.settings.user_input_fields)
    _refuse_nothing(changes)
    await call.backing.accounts.update_profile(call.writing, me.user, changes)
    return Reply({"status": True}, cookies=call.session_cookies())


async def update_session(call: Call) -> Reply:
    """The session with the fields that the settings let its owner change."""
    me, names = call.me, call.backing.settings.session_fields
    changes = _configured(call, names)
    _refuse_nothing(changes)
    session = await call.backing.accounts.update_session(call.writing, me.session, changes)
    shown = session_json(
        session, handle=call.backing.sessions.handle(session), extras=call.backing.extras
    )
    return Reply({"session": shown}, cookies=call.session_cookies())


def _configured(call: Call, names: Sequence[str]) -> dict[str, Any]:
    """The values for these fields, checked; no other name of a body reaches the database."""
    fields = tuple(Field(name, scalar, required=False, nullable=True) for name in names)
    return Schema(fields).parse(call.body[_REST])


def _refuse_nothing(changes: dict[str, Any]) -> None:
    if not changes:
        raise BadRequest("No fields to update", code="NO_FIELDS_TO_UPDATE")


async def verify_password(call: Call) -> Reply:
    await call.backing.credentials.confirm(call.me.user, call.body["password"])
    return Reply({"status": True})


async def change_password(call: Call) -> Reply:
    me = call.me
    anew = call.body.get("revokeOtherSessions", False)
    opened = await call.backing.password_changes.change(
        call.writing,
        me,
        current=call.body["currentPassword"],
        new=call.body["newPassword"],
        device=call.device(remember=call.remembers) if anew else None,
    )
    if opened is None:
        return Reply({"token": None, "user": user_json(me.user, extras=call.backing.extras)})
    return Reply(
        {"token": opened.handle, "user": user_json(me.user, extras=call.backing.extras)},
        cookies=call.backing.cookies.session(opened.token, remember=call.remembers),
    )


async def delete_user(call: Call) -> Reply:
    backing, me = call.backing, call.me
    if not backing.settings.delete_user:
        return Reply(status=404)
    password, token = call.body.get("password") or None, call.body.get("token") or None
    target = call.body.get("callbackURL") or None
    if token is not None:
        if password is not None:
            await backing.credentials.confirm(me.user, password)
        await backing.removal.follow(call.writing, me, token)
    elif not await backing.removal.request(call.writing, me, password=password, target=target):
        return Reply({"success": True, "message": "Verification email sent"})
    return Reply(
        {"success": True, "message": "User deleted"}, cookies=call.backing.cookies.deletion()
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
            rest=_REST,
        ),
    ),
    Endpoint(
        "POST",
        "/change-password",
        change_password,
        session=True,
        limit="credentials",
        body=Schema(
            (
                Field("newPassword"),
                Field("currentPassword"),
                Field("revokeOtherSessions", boolean, required=False),
            )
        ),
    ),
    Endpoint(
        "POST",
        "/update-session",
        update_session,
        session=True,
        body=Schema(container="record", rest=_REST),
    ),
    Endpoint(
        "POST",
        "/verify-password",
        verify_password,
        session=True,
        limit="credentials",
        body=Schema((Field("password"),)),
    ),
    Endpoint(
        "POST",
        "/delete-user",
        delete_user,
        session=True,
        limit="credentials",
        body=Schema((Field("password", required=False), Field("token", required=False), _CALLBACK)),
    ),
)
