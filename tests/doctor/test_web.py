"""Real servers behind proxies that are set up wrongly, each named by the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from doctor.examined import examined_web
from doctor.mongods import certificate
from doctor.proxy import Proxy, proxied
from doctor.seen import SECRET, bad, codes, only
from support.edge import Edge, edge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from doctor.proxy import Heads
    from sessionwire.doctor.finding import Finding
    from sessionwire.store.embedded import EmbeddedMongo

QUIET = {"proxy-untrusted"}
"""Said of every proxy of these tests that calls itself something."""


@pytest.fixture(scope="module")
async def served(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    async with edge(mongo, previous_secrets=(), trusted_origins=("https://*.trusted.test",)) as one:
        yield one


async def behind(served: Edge, proxy: Proxy, **asked: Any) -> list[Finding]:
    """What the doctor says when this proxy is the public address, and the settings say so."""
    async with proxied(served.address, proxy) as url:
        known = served.settings.model_copy(update={"base_url": url})
        return await examined_web(known, url, **asked)


async def test_nothing_is_wrong_without_a_proxy(served: Edge) -> None:
    known = served.settings.model_copy(update={"base_url": served.address})
    findings = await examined_web(known, served.address, idle=0.5)
    assert bad(findings) == set()
    assert {
        "url-answers", "session-read", "security-headers", "cookie-attributes", "long-poll",
        "web-clock", "socket-upgraded", "frame-round-trip", "socket-idle",
    } == set(codes(findings, "ok"))  # fmt: skip


async def test_a_proxy_that_is_set_up_well_is_only_named(served: Edge) -> None:
    """The server's origin is its own: the proxy rewrites it, as a mounted one would not need."""
    proxy = Proxy(sets={"origin": served.address})
    findings = await behind(served, proxy)
    assert bad(findings) - QUIET == {"foreign-origin-accepted"}  # which a rewriting proxy does


async def test_a_proxy_without_the_upgrade_is_named(served: Edge) -> None:
    proxy = Proxy(drops=("upgrade", "connection"))
    finding = only(await behind(served, proxy), "socket-not-upgraded")
    assert "reached the server without its upgrade" in finding.seen
    assert "proxy_set_header Upgrade $http_upgrade;" in finding.command


async def test_an_origin_that_the_server_does_not_know_is_named(served: Edge) -> None:
    """base_url of the doctor is the proxy's address, that of the server is not: 403."""
    strict = served.settings.model_copy(update={"base_url": "https://elsewhere.test"})
    async with proxied(served.address, Proxy(sets={"origin": "https://x.test"})) as url:
        findings = await examined_web(strict, url)
    assert {"socket-refused", "base-url-differs"} <= bad(findings)
    assert "INVALID_ORIGIN" in only(findings, "socket-refused").seen


async def test_a_proxy_that_swallows_frames_leaves_the_socket_silent(served: Edge) -> None:
    proxy = Proxy(sets={"origin": served.address}, swallows=True)
    assert "socket-silent" in bad(await behind(served, proxy))


async def test_a_proxy_that_cuts_idle_sockets_is_timed(served: Edge) -> None:
    proxy = Proxy(sets={"origin": served.address}, idle=0.4)
    finding = only(await behind(served, proxy, idle=1.5), "socket-cut")
    assert finding.severity == "error" and "Cut after 0." in finding.seen


async def test_a_proxy_that_changes_cookies_is_named(served: Edge) -> None:
    def weaken(path: str, heads: Heads) -> Heads:
        return [
            (name, value.replace("; HttpOnly", "").replace("SameSite=Lax", "SameSite=None"))
            for name, value in heads
        ]

    proxy = Proxy(sets={"origin": served.address}, answer=weaken)
    finding = only(await behind(served, proxy), "cookie-attributes-lost")
    assert "no httponly" in finding.seen and "samesite=None" in finding.seen


async def test_a_proxy_that_drops_set_cookie_is_named(served: Edge) -> None:
    def drop(path: str, heads: Heads) -> Heads:
        return [(name, value) for name, value in heads if name != "set-cookie"]

    proxy = Proxy(sets={"origin": served.address}, answer=drop)
    assert "cookie-not-set" in bad(await behind(served, proxy))


async def test_a_proxy_that_loses_headers_and_the_subprotocol_is_named(served: Edge) -> None:
    lost = ("content-security-policy", "vary", "sec-websocket-protocol")

    def drop(path: str, heads: Heads) -> Heads:
        return [*((n, v) for n, v in heads if n not in lost), ("server", "broken/1.0")]

    proxy = Proxy(sets={"origin": served.address}, answer=drop)
    findings = await behind(served, proxy)
    assert {"header-lost", "subprotocol-lost", "proxy-untrusted"} <= bad(findings)
    assert "broken/1.0" in only(findings, "proxy-untrusted").seen
    assert "content-security-policy: absent" in only(findings, "header-lost").seen


async def test_a_cache_in_between_is_named(served: Edge) -> None:
    proxy = Proxy(sets={"origin": served.address}, cache=True)
    finding = only(await behind(served, proxy), "session-read-cached")
    assert "more than a second apart" in finding.seen


async def test_a_proxy_that_blocks_the_poll_or_the_api_is_named(served: Edge) -> None:
    poll = Proxy(sets={"origin": served.address}, blocks=("/live/poll",))
    assert "long-poll-failed" in bad(await behind(served, poll))
    everything = Proxy(blocks=("/api/auth/ok",))
    findings = await behind(served, everything)
    assert codes(findings, "error") == ["url-not-sessionwire"]


async def test_a_proxy_that_changes_the_host_is_named_where_hosts_are_checked(
    mongo: EmbeddedMongo,
) -> None:
    """The health check is answered for this machine's own names, the rest is not."""
    async with edge(mongo, allowed_hosts=("app.example.com",)) as strict:
        findings = await examined_web(strict.settings, strict.address)
    assert "host-refused" in codes(findings, "error")


async def test_the_certificate_of_a_proxy_that_nobody_signed_is_named(
    served: Edge, tmp_path: Path
) -> None:
    async with proxied(served.address, Proxy(), tls=certificate(tmp_path)) as url:
        findings = await examined_web(served.settings, url)
    assert codes(findings, "error") == ["url-certificate"]


async def test_an_address_where_nobody_listens_is_an_error_only_if_it_was_asked_for(
    served: Edge,
) -> None:
    silent = "http://127.0.0.1:1"
    assert codes(await examined_web(served.settings, silent)) == ["url-refused"]
    known = served.settings.model_copy(update={"base_url": silent})
    assert codes(await examined_web(known, None)) == ["url-skipped"]


async def test_https_on_one_port_and_http_in_clear_on_another_is_named(
    served: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    async with (
        proxied(served.address, Proxy(sets={"origin": served.address}), tls=pem) as url,
        proxied(served.address, Proxy()) as plain,
    ):
        known = served.settings.model_copy(update={"base_url": url})
        port = int(plain.rpartition(":")[2])
        findings = await examined_web(known, url, plain_port=port)
    assert "https-redirect" in bad(findings)
    # The server behind it believes in http: its cookies are not Secure, its answers without HSTS.
    assert {"cookie-attributes-lost", "header-lost"} <= bad(findings)
    assert only(findings, "socket-upgraded").seen.startswith("wss://")
    assert SECRET not in "".join(each.seen + each.command for each in findings)
