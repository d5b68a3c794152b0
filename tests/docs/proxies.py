"""Real reverse proxies, configured by the snippets of docs/proxies.md."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from docs.pages import blocks
from support.process import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["PAGE", "PROXIES", "Place", "place_in", "proxy", "snippet", "trusting"]

PROXIES = ("nginx", "caddy", "haproxy")
PAGE = "docs/proxies.md"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """Where a proxy listens, where it passes requests on to, and what it may write."""

    directory: Path
    upstream: int
    https: int
    http: int


def snippet(language: str) -> str:
    """The page's block of this language."""
    [found] = [each.text for each in blocks(language) if each.page == PAGE]
    return found


def trusting(directory: Path) -> ssl.SSLContext:
    """Make a certificate for this machine; what is answered believes in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (directory / "certificate.pem").write_bytes(certificate)
    (directory / "private.key").write_bytes(private)
    (directory / "both.pem").write_bytes(certificate + private)
    return ssl.create_default_context(cadata=certificate.decode())


def _placed(text: str, pairs: list[tuple[str, str]]) -> str:
    """The text with the second in place of each first, which has to be there."""
    for old, new in pairs:
        assert old in text, f"the snippet has no {old!r}"
        text = text.replace(old, new)
    return text


def _nginx(place: Place) -> list[str]:
    directory = place.directory
    site = _placed(
        snippet("nginx"),
        [
            ("/etc/ssl/app.example.com.pem", f"{directory}/certificate.pem"),
            ("/etc/ssl/app.example.com.key", f"{directory}/private.key"),
            ("app.example.com", HOST),
            ("127.0.0.1:8000", f"{HOST}:{place.upstream}"),
            ("listen 443 ", f"listen {HOST}:{place.https} "),
            ("listen 80;", f"listen {HOST}:{place.http};"),
        ],
    )
    (directory / "site.conf").write_text(site)
    temporary = " ".join(
        f"{name}_temp_path {directory}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root; " if os.getuid() == 0 else ""
    (directory / "nginx.conf").write_text(
        f"{user}daemon off; worker_processes 1; pid {directory}/pid; error_log stderr warn;\n"
        "events { worker_connections 256; }\n"
        f"http {{ access_log off; {temporary} include {directory}/site.conf; }}\n"
    )
    return ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf")]


def _caddy(place: Place) -> list[str]:
    certificate = f"tls {place.directory}/certificate.pem {place.directory}/private.key"
    site = _placed(
        snippet("caddy"),
        [
            ("app.example.com {", f"https://{HOST}:{place.https} {{\n\t{certificate}"),
            ("127.0.0.1:8000", f"{HOST}:{place.upstream}"),
        ],
    )
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n"
    (place.directory / "Caddyfile").write_text(options + site)
    return ["caddy", "run", "--config", str(place.directory / "Caddyfile")]


def _haproxy(place: Place) -> list[str]:
    text = _placed(
        snippet("haproxy"),
        [
            ("/etc/ssl/app.example.com.pem", f"{place.directory}/both.pem"),
            ("app.example.com", HOST),
            ("bind :443 ", f"bind {HOST}:{place.https} "),
            ("bind :80\n", f"bind {HOST}:{place.http}\n"),
            ("127.0.0.1:8000", f"{HOST}:{place.upstream}"),
        ],
    )
    (place.directory / "haproxy.cfg").write_text(text)
    return ["haproxy", "-db", "-f", str(place.directory / "haproxy.cfg")]


_COMMANDS = {"nginx": _nginx, "caddy": _caddy, "haproxy": _haproxy}


def place_in(directory: Path, *, upstream: int) -> Place:
    """Two free ports for a proxy in front of this one."""
    return Place(directory, upstream, free_port(), free_port())


@contextlib.asynccontextmanager
async def proxy(name: str, place: Place) -> AsyncIterator[None]:
    """Run it until the block ends; the test is skipped where it is not installed."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
    if shutil.which(name, path=path) is None:
        pytest.skip(f"needs {name}")
    process = _launch(_COMMANDS[name](place), place, PATH=path)
    try:
        await eventually(lambda: _listens(process, place))
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def _launch(command: list[str], place: Place, **variables: str) -> subprocess.Popen[bytes]:
    home = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(place.directory))
    with (place.directory / "log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env={**os.environ, **home, **variables},
            cwd=place.directory,
        )


def _listens(process: subprocess.Popen[bytes], place: Place) -> bool:
    if process.poll() is not None:
        raise AssertionError((place.directory / "log").read_text())
    with socket.socket() as probe:
        return probe.connect_ex((HOST, place.https)) == 0
