"""Letters handed to a real mail server, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from auth.rig import settings_with
from sessionwire.auth.mail import Letter
from sessionwire.mail.carriers import carrier_of
from sessionwire.mail.postman import Postman
from sessionwire.mail.smtp import message_of
from sessionwire.tasks import background

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import EmailMessage
    from pathlib import Path

    from sessionwire.mail.postman import Carry

LETTER = Letter(
    "reset_password", "alice@example.com", "Set a new password", "Grüße: https://x/y\n", None
)


class Inbox:
    """What the mail server took; refuses as often as it is told."""

    def __init__(self, *, refusals: int = 0) -> None:
        self.taken: list[EmailMessage] = []
        self.refusals = refusals
        self.arrived = asyncio.Event()
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusals:
            self.refusals -= 1
            return "451 try later, alice@example.com"
        self.encrypted.append(session.ssl is not None)
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        self.arrived.set()
        return "250 OK"


@contextlib.asynccontextmanager
async def mail_server(
    inbox: Inbox, *, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[int]:
    """A mail server on a port of its own."""

    open_connections: list[asyncio.BaseTransport] = []

    class Protocol(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            open_connections.append(transport)
            super().connection_made(transport)

    def protocol() -> SMTP:
        return Protocol(inbox, hostname="localhost", **options)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in open_connections:
            each.close()


def carrier(port: int, **given: Any) -> Carry:
    options = {"smtp_security": "none", "mail_from": "App <app@example.com>", **given}
    settings = settings_with(smtp_host="localhost", smtp_port=port, **options)
    return carrier_of(settings, cast("Any", None))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def test_a_letter_arrives_as_it_was_written() -> None:
    inbox = Inbox()
    async with mail_server(inbox) as port:
        await carrier(port)(LETTER)
    (message,) = inbox.taken
    assert message["From"] == "App <app@example.com>"
    assert message["To"] == "alice@example.com"
    assert message["Subject"] == "Set a new password"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@example.com>")
    assert message["Date"].datetime.tzinfo is not None
    assert message.get_content_type() == "text/plain"
    assert message.get_content() == "Grüße: https://x/y\r\n"


@pytest.mark.parametrize("line", ["\r\n", "\n", "\r"])
def test_pw_11_no_header_can_be_smuggled_in(line: str) -> None:
    for field in ("to", "subject"):
        given = {"to": "a@b.cd", "subject": "x", field: f"x{line}Bcc: victim@example.com"}
        letter = Letter("invitation", given["to"], given["subject"], "text")
        with pytest.raises(ValueError):
            message_of(letter, sender="app@example.com")


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_the_server_is_told_who_we_are() -> None:
    seen: list[tuple[bytes, bytes]] = []

    def authenticate(server: Any, session: Any, envelope: Any, kind: str, data: Any) -> AuthResult:
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"s3cret", handled=False)

    inbox = Inbox()
    options: dict[str, Any] = {
        "authenticator": authenticate, "auth_required": True, "auth_require_tls": False,
    }  # fmt: skip
    async with mail_server(inbox, **options) as port:
        await carrier(port, smtp_username="app", smtp_password="s3cret")(LETTER)
        with pytest.raises(Exception, match="535"):
            await carrier(port, smtp_username="app", smtp_password="wrong")(LETTER)
    assert seen[0] == (b"app", b"s3cret")
    assert len(inbox.taken) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_letter_travels_encrypted(
    certificate: Path, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    inbox, context = Inbox(), server_context(certificate)
    whole = security == "tls"
    options: dict[str, Any] = {} if whole else {"tls_context": context, "require_starttls": True}
    async with mail_server(inbox, tls=context if whole else None, **options) as port:
        await carrier(port, smtp_security=security)(LETTER)
    assert len(inbox.taken) == 1
    assert whole or inbox.encrypted == [True]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(
    certificate: Path, security: str
) -> None:
    inbox, context = Inbox(), server_context(certificate)
    whole = security == "tls"
    options: dict[str, Any] = {} if whole else {"tls_context": context, "require_starttls": True}
    async with mail_server(inbox, tls=context if whole else None, **options) as port:
        with pytest.raises(Exception, match=r"(?i)certificate"):
            await carrier(port, smtp_security=security)(LETTER)
    assert inbox.taken == []


async def test_starttls_is_never_given_up_for_plain_text() -> None:
    inbox = Inbox()
    async with mail_server(inbox) as port:
        with pytest.raises(Exception, match=r"(?i)starttls"):
            await carrier(port, smtp_security="starttls")(LETTER)
    assert inbox.taken == []


async def test_a_server_that_refuses_at_first_gets_the_letter_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="sessionwire")
    inbox = Inbox(refusals=2)
    async with mail_server(inbox) as port:
        postman = Postman(carrier(port), pauses=(0, 0, 0))
        async with background(postman.run()), asyncio.timeout(20):
            postman.send(LETTER)
            await inbox.arrived.wait()
    assert len(inbox.taken) == 1
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("sessionwire")]
    assert sum("will be tried again" in each for each in ours) == 2
    assert "alice@example.com" not in " ".join(ours)
