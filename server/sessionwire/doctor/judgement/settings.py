"""What the settings mean."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sessionwire.doctor.finding import Finding, Severity, found
from sessionwire.policy.hosts import Hosts
from sessionwire.spelling import nearest, nearest_key, unknown_keys, unknown_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.doctor.facts import FileSeen, SettingsSeen
    from sessionwire.settings import Settings

__all__ = ["MAKE_SECRET", "judge_readable", "judge_settings"]

MAKE_SECRET = 'python -c "import secrets; print(secrets.token_urlsafe(48))"'
_STRONG_BITS = 128
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def judge_readable(seen: SettingsSeen) -> Iterator[Finding]:
    """What can be said whether or not the settings can be read."""
    for said, remedy in seen.invalid:
        yield found("settings-invalid", Severity.ERROR, said, remedy=remedy)
    for said, remedy in seen.refused:
        command = MAKE_SECRET if MAKE_SECRET in remedy else ""
        remedy = remedy.removesuffix(f" {MAKE_SECRET}")
        yield found("settings-refused", Severity.ERROR, said, remedy=remedy, command=command)
    for name in unknown_variables(seen.variables):
        guess = nearest(name)
        yield found(
            "variable-unknown",
            Severity.WARNING,
            f"{name} is set, and names no setting.",
            remedy=f"Did you mean {guess}?" if guess else "Unset it, or correct its name.",
            command=f'export {guess}="${name}"; unset {name}' if guess else f"unset {name}",
        )
    if seen.file is not None:
        yield from _judge_file(seen.file)
    if seen.secret == "unmade":
        said = "No secret yet: the first start makes one."
        yield found("secret-generated", Severity.NOTE, said)
    elif seen.secret == "kept":
        yield found("secret-generated", Severity.NOTE, "The secret is the one kept in data_dir.")
    if seen.secret_mode is not None and seen.secret_mode & 0o077:
        said = f"The file of the secret has mode {seen.secret_mode:o}."
        command = 'chmod 600 "${SESSIONWIRE_DATA_DIR:-.sessionwire}/secret"'
        remedy = "Let its owner alone read it."
        yield found("secret-readable", Severity.WARNING, said, remedy=remedy, command=command)


def judge_settings(settings: Settings, seen: SettingsSeen) -> Iterator[Finding]:
    """What can be said of settings that could be read."""
    place = "embedded MongoDB" if settings.mongodb_uri is None else "MongoDB by its URI"
    yield found(
        "settings",
        Severity.OK,
        f"{settings.environment}, {settings.base_url}, {place}, database {settings.database}.",
    )
    yield from _judge_secret(seen)
    yield from _judge_address(settings)
    yield from _judge_origins(settings)
    yield from _judge_hosts(settings)
    yield from _judge_proxies(settings)
    if settings.environment == "production":
        yield from _judge_production(settings)


def _judge_file(file: FileSeen) -> Iterator[Finding]:
    if file.fault is not None:
        said = f"{file.path} cannot be read: {file.fault}."
        yield found("settings-file", Severity.ERROR, said, remedy="Correct it, or move it away.")
        return
    yield found("settings-file", Severity.OK, f"{file.path} sets {len(file.keys)} settings.")
    for key in unknown_keys(file.keys):
        name = nearest_key(key)
        yield found(
            "file-line-unknown",
            Severity.WARNING,
            f"{file.path} has a line {key!r}, which names no setting.",
            remedy=f"Did you mean {name}?" if name else "Remove the line, or correct its name.",
        )
    if file.holds_secret and file.mode & 0o077:
        yield found(
            "secret-readable",
            Severity.WARNING,
            f"{file.path} holds a secret, and has mode {file.mode:o}.",
            remedy="Let its owner alone read it.",
            command=f"chmod 600 {file.path}",
        )


def _judge_secret(seen: SettingsSeen) -> Iterator[Finding]:
    if not seen.secret_bits or any("_SECRET " in said for said, _ in seen.refused):
        return
    said = f"The secret has about {seen.secret_bits:.0f} bits, as its characters tell."
    if seen.secret_bits >= _STRONG_BITS:
        yield found("secret-strength", Severity.OK, said)
        return
    yield found(
        "secret-strength",
        Severity.WARNING,
        said,
        remedy="Make a new one, and put the old one into SESSIONWIRE_PREVIOUS_SECRETS for 90 days.",
        command=MAKE_SECRET,
    )


def _judge_address(settings: Settings) -> Iterator[Finding]:
    host = urlsplit(settings.base_url).hostname or ""
    shield = "__Host-, Secure" if settings.secure else "without __Host- and Secure, as over http"
    if settings.compat == "better-auth" and settings.secure:
        shield = "__Secure-, Secure, as better-auth calls it"
    prefix = settings.cookie_prefix
    yield found("cookie-name", Severity.OK, f"{prefix}.session_token, {shield}.")
    if "base_url" not in settings.model_fields_set:
        yield found(
            "base-url-unset",
            Severity.NOTE,
            f"SESSIONWIRE_BASE_URL is not set; taken as {settings.base_url}.",
            remedy="Set it to the address that browsers use, port and all.",
            command="export SESSIONWIRE_BASE_URL=https://app.example.com",
        )
    elif not settings.secure and host not in _LOOPBACK and settings.environment == "development":
        yield found(
            "base-url-plain",
            Severity.WARNING,
            f"base_url is {settings.base_url}.",
            remedy="Serve it over https, and say so.",
            command=f"export SESSIONWIRE_BASE_URL=https://{host}",
        )
    if settings.environment == "development" and settings.secure and host not in _LOOPBACK:
        yield found(
            "environment-development",
            Severity.WARNING,
            f"The environment is development, and base_url is {settings.base_url}.",
            remedy="Say that it is production.",
            command="export SESSIONWIRE_ENVIRONMENT=production",
        )


def _judge_origins(settings: Settings) -> Iterator[Finding]:
    given = settings.trusted_origins
    yield found("origins", Severity.OK, ", ".join(dict.fromkeys(settings.origins)))
    own = settings.base_url.lower()
    wild = [each.partition("*.")[2] for each in given if "*" in each]
    for number, each in enumerate(given):
        host = urlsplit(each if "://" in each else f"https://{each}").netloc
        if each.startswith("http://") and urlsplit(each).hostname not in _LOOPBACK:
            remedy = "Serve that page over https, and trust its https origin."
            said = f"trusted_origins holds {each}."
            yield found("origin-plain", Severity.WARNING, said, remedy=remedy)
        if "*" in each:
            remedy = "Name the subdomains that need it, one by one."
            said = f"trusted_origins holds {each}."
            yield found("origin-wildcard", Severity.WARNING, said, remedy=remedy)
        elif each.lower() == own or each in given[:number] or _is_under(host, wild):
            said = f"trusted_origins holds {each}, which is trusted without it."
            yield found("origin-redundant", Severity.NOTE, said, remedy="Leave it out.")


def _is_under(host: str, domains: list[str]) -> bool:
    return any(host.endswith(f".{domain}") for domain in domains)


def _judge_hosts(settings: Settings) -> Iterator[Finding]:
    if not settings.allowed_hosts:
        return
    host = urlsplit(settings.base_url).netloc
    if not _answered(host, settings.allowed_hosts):
        value = ",".join((*settings.allowed_hosts, host))
        yield found(
            "hosts-exclude-public",
            Severity.ERROR,
            f"allowed_hosts is {', '.join(settings.allowed_hosts)}, without {host}.",
            remedy="Add the public host, or unset allowed_hosts: it then follows base_url.",
            command=f"export SESSIONWIRE_ALLOWED_HOSTS={value}",
        )
    for each in settings.allowed_hosts:
        if each.startswith("*."):
            said = f"allowed_hosts holds {each}."
            remedy = "Name the hosts one by one."
            yield found("hosts-open", Severity.WARNING, said, remedy=remedy)


def _answered(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether requests for it are; what is no list of hosts is refused by the start already."""
    with contextlib.suppress(ValueError):
        return Hosts(allowed).answers(host)
    return True


def _judge_proxies(settings: Settings) -> Iterator[Finding]:
    for each in settings.trusted_proxies:
        try:
            network = ipaddress.ip_network(each)
        except ValueError:
            continue  # which the start refuses, and says so
        wide = network.prefixlen < (24 if network.version == 4 else 64)
        if wide and not network.is_private:
            yield found(
                "proxies-wide",
                Severity.WARNING,
                f"trusted_proxies holds {each}: {network.num_addresses} public addresses.",
                remedy="Name the addresses of your own proxies, or of your provider's ranges.",
            )


def _judge_production(settings: Settings) -> Iterator[Finding]:
    if settings.rate_limit is False:
        yield found(
            "rate-limit-off",
            Severity.WARNING,
            "rate_limit is off in production.",
            remedy="Unset it, unless something in front of the server limits by account, too.",
            command="unset SESSIONWIRE_RATE_LIMIT",
        )
    if settings.smtp_host is None:
        yield found(
            "mail-nowhere",
            Severity.WARNING,
            "smtp_host is not set in production.",
            remedy="Set it, or give SessionWire(send_mail=…) a function.",
            command="export SESSIONWIRE_SMTP_HOST=smtp.example.com",
        )
    if settings.mongodb_uri is None:
        yield found(
            "embedded-production",
            Severity.WARNING,
            "Production runs on the embedded MongoDB.",
            remedy="Set the URI of a replica set.",
            command="export SESSIONWIRE_MONGODB_URI='mongodb://me:password@host/?replicaSet=rs0'",
        )
