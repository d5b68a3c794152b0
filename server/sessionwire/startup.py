"""What the server refuses to start with, each with its remedy; and the secret of development."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from pydantic import SecretStr

from sessionwire.errors import StartupError
from sessionwire.policy import exposure
from sessionwire.policy.hosts import Hosts
from sessionwire.policy.origins import Origins
from sessionwire.policy.providers import fault_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sessionwire.settings import Settings

__all__ = ["checked", "refusals"]

_MAKE_SECRET = 'python -c "import secrets; print(secrets.token_urlsafe(48))"'
_WEAK = ("secret", "password", "changeme", "change-me", "example", "default", "sessionwire")
_FIELD = re.compile(r"[^$.\x00][^.\x00]{0,63}\Z")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HIDDEN_FIELDS = frozenset(
    {
        "_id", "token", "password", "secret", "revision",
        "accessToken", "refreshToken", "idToken", "twoFactorSecret", "twoFactorBackupCodes",
    }
)  # fmt: skip
"""Never shown to anybody, whatever a setting says."""
_OWN_FIELDS = frozenset(
    {
        "id", "userId", "email", "emailVerified", "role", "banned", "banReason", "banExpires",
        "onboardedAt", "activeOrganizationId", "activeTeamId", "impersonatedBy", "createdAt",
        "updatedAt", "expiresAt", "ipAddress", "userAgent", "tombstone",
    }
)  # fmt: skip
"""Written by the server alone: who could set them would be somebody else."""


def checked(settings: Settings) -> Settings:
    """The settings with a secret. Raises StartupError for what is wrong, or would be insecure."""
    for rule in _rules():
        rule(settings)
    if settings.secret is None:
        return settings.model_copy(update={"secret": SecretStr(_kept_secret(settings.data_dir))})
    return settings


def refusals(settings: Settings) -> Iterator[StartupError]:
    """Everything that `checked` would refuse: the first of each rule. It makes no secret."""
    for rule in _rules():
        try:
            rule(settings)
        except StartupError as error:
            yield error


def _rules() -> tuple[Callable[[Settings], None], ...]:
    return (
        _refuse_origins,
        _refuse_proxies,
        _refuse_hosts,
        _refuse_halves,
        _refuse_providers,
        _refuse_fields,
        _refuse_secrets,
        _refuse_plain,
    )


def _refuse_secrets(settings: Settings) -> None:
    if settings.secret is None and settings.environment != "development":
        _refuse("SECRET", "is not set.", f"Set it to the output of: {_MAKE_SECRET}")
    for each in settings.previous_secrets:
        _refuse_weak("PREVIOUS_SECRETS", each.get_secret_value())
    if settings.secret is not None:
        _refuse_weak("SECRET", settings.secret.get_secret_value())


def _refuse(name: str, said: str, remedy: str) -> NoReturn:
    raise StartupError(f"SESSIONWIRE_{name} {said}", remedy=remedy) from None


def _refuse_weak(name: str, secret: str) -> None:
    if len(secret.encode()) < 32:
        said = "is shorter than 32 bytes." if name == "SECRET" else "holds one under 32 bytes."
        _refuse(name, said, f"Use the output of: {_MAKE_SECRET}")
    if len(set(secret)) < 10 or secret.lower().startswith(_WEAK):
        said = "is too easy to guess." if name == "SECRET" else "holds one that is easy to guess."
        _refuse(name, said, f"Use the output of: {_MAKE_SECRET}")


def _refuse_origins(settings: Settings) -> None:
    try:
        Origins(settings.base_url, settings.origins)
    except ValueError as error:
        _refuse("TRUSTED_ORIGINS", f"cannot be used: {error}.", "Correct this setting.")


def _refuse_plain(settings: Settings) -> None:
    """In production whoever is on the way could read the cookie, or write the page."""
    if settings.environment != "production":
        return
    if not settings.secure:
        _refuse(
            "BASE_URL",
            f"is {settings.base_url}: production needs https.",
            "Set it to the public https:// address.",
        )
    for each in settings.trusted_origins:
        if each.startswith("http://") and urlsplit(each).hostname not in _LOOPBACK:
            _refuse(
                "TRUSTED_ORIGINS",
                f"holds {each}: production needs https.",
                "Serve that page over https, or leave it out; http is for this machine only.",
            )
    if settings.webhook_url is not None and _is_plain(settings.webhook_url):
        _refuse("WEBHOOK_URL", "is not https.", "Set it to an https:// address.")
    if settings.smtp_security == "none" and settings.smtp_username is not None:
        if settings.smtp_host not in _LOOPBACK:
            _refuse(
                "SMTP_SECURITY",
                "is none: the password would be sent in clear.",
                "Use starttls or tls, or a mail server on this machine.",
            )


def _is_http(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _is_plain(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme != "https" and parts.hostname not in _LOOPBACK


def _refuse_proxies(settings: Settings) -> None:
    remedy = "Name the addresses or networks of your own proxies, as in 10.0.0.0/8."
    for each in settings.trusted_proxies:
        try:
            network = ipaddress.ip_network(each)
        except ValueError:
            _refuse("TRUSTED_PROXIES", f"holds {each!r}: it is no address or network.", remedy)
        if network.prefixlen == 0:
            _refuse("TRUSTED_PROXIES", f"holds {each}: it would believe everybody.", remedy)


def _refuse_hosts(settings: Settings) -> None:
    try:
        Hosts(settings.allowed_hosts)
    except ValueError as error:
        _refuse("ALLOWED_HOSTS", f"cannot be used: {error}.", "Correct this setting.")


def _refuse_halves(settings: Settings) -> None:
    """What is set up by half would be found out by the first user."""
    pairs = (
        ("GOOGLE_CLIENT_ID", settings.google_client_id),
        ("GOOGLE_CLIENT_SECRET", settings.google_client_secret),
        ("OIDC_ISSUER", settings.oidc_issuer),
        ("OIDC_CLIENT_ID", settings.oidc_client_id),
        ("SMTP_USERNAME", settings.smtp_username),
        ("SMTP_PASSWORD", settings.smtp_password),
        ("WEBHOOK_URL", settings.webhook_url),
        ("WEBHOOK_SECRET", settings.webhook_secret),
    )
    for (first, one), (second, other) in zip(pairs[::2], pairs[1::2], strict=True):
        if (one is None) != (other is None):
            missing, given = (first, second) if one is None else (second, first)
            _refuse(missing, f"is not set, but SESSIONWIRE_{given} is.", "Set both, or neither.")
    if settings.smtp_username is not None and settings.smtp_host is None:
        _refuse("SMTP_HOST", "is not set, but SESSIONWIRE_SMTP_USERNAME is.", "Set it, too.")
    if settings.webhook_url is not None and not _is_http(settings.webhook_url):
        _refuse("WEBHOOK_URL", "is no http(s):// address.", "Correct this setting.")
    if settings.webhook_secret is not None:
        _refuse_weak("WEBHOOK_SECRET", settings.webhook_secret.get_secret_value())
    if settings.admin_token is not None:
        _refuse_weak("ADMIN_TOKEN", settings.admin_token.get_secret_value())


def _refuse_providers(settings: Settings) -> None:
    development = settings.environment == "development"
    for id, each in settings.oidc.items():
        fault = fault_of(id, each, development=development)
        if fault is not None:
            _refuse(f"OIDC__{id.upper()}", f"cannot be used: {fault}.", "Correct this setting.")


def _refuse_fields(settings: Settings) -> None:
    lists = {
        "USER_FIELDS": (settings.user_fields, _HIDDEN_FIELDS),
        "USER_INPUT_FIELDS": (settings.user_input_fields, _HIDDEN_FIELDS | _OWN_FIELDS),
        "SESSION_FIELDS": (settings.session_fields, _HIDDEN_FIELDS | _OWN_FIELDS),
    }
    for name, (fields, reserved) in lists.items():
        for each in fields:
            if each in reserved or _FIELD.match(each) is None:
                _refuse(name, f"holds {each!r}, which cannot be offered.", "Leave it out.")
            fault = exposure.fault_of(each)
            if fault is not None:
                _refuse(name, f"holds {each!r}: it {fault}.", "Leave it out.")
    for each in settings.user_input_fields:
        if each not in settings.user_fields:
            _refuse(
                "USER_INPUT_FIELDS",
                f"holds {each!r}, which SESSIONWIRE_USER_FIELDS does not.",
                "Name it in both.",
            )


def _kept_secret(data_dir: Path) -> str:
    """The development secret: made once, readable by its owner only."""
    path = data_dir / "secret"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            kept = path.read_text(encoding="ascii").strip()
            _refuse_weak("SECRET", kept)
            return kept
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            made = secrets.token_urlsafe(48)
            file.write(made)
            return made
    except OSError as error:
        raise StartupError(
            f"The data directory {data_dir} cannot be used: {error.strerror}.",
            remedy="Name a writable directory with --data-dir or SESSIONWIRE_DATA_DIR.",
        ) from error
