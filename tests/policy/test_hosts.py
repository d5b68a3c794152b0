"""Which names a server answers to."""

from __future__ import annotations

import pytest

from sessionwire.policy.hosts import Hosts, hosts_of

ORIGINS = ("https://app.example", "https://*.tenants.example", "http://localhost:3000", "b.example")


def of_origins(*, production: bool = True) -> Hosts:
    return hosts_of((), origins=ORIGINS, base_url=ORIGINS[0], production=production)


@pytest.mark.parametrize(
    "host",
    [
        "app.example",
        "app.example:443",
        "APP.EXAMPLE",
        "app.example.",
        "a.tenants.example",
        "a.b.tenants.example",
        "localhost:3000",
        "b.example",
    ],
)
def test_in_production_the_hosts_of_the_origins_are_ours(host: str) -> None:
    assert of_origins().answers(host)


@pytest.mark.parametrize(
    "host",
    [
        "app.example:80",
        "app.example:8443",
        "tenants.example",
        ".tenants.example",
        "xtenants.example",
        "localhost",
        "localhost:3001",
        "evil.test",
        "app.example.evil.test",
        "app.example@evil.test",
        "app.example/",
        "app.example\\",
        "app.example app.example",
        "app.example:443:443",
        "app.example:",
        "app.example:+443",
        "äpp.example",
        "*.tenants.example",
        "a" * 300 + ".tenants.example",
        "",
    ],
)
def test_no_other_host_is(host: str) -> None:
    assert not of_origins().answers(host)


def test_in_development_every_host_is() -> None:
    for host in ("evil.test", "localhost:1", "[::1]:8000", "10.0.0.1"):
        assert of_origins(production=False).answers(host)
    assert not of_origins(production=False).answers("not a host")


def test_what_is_allowed_replaces_the_origins() -> None:
    allowed = ("api.example", "[::1]:8000", "10.0.0.1")
    for production in (True, False):
        hosts = hosts_of(allowed, origins=ORIGINS, base_url=ORIGINS[0], production=production)
        for host in ("api.example", "api.example:9", "[::1]:8000", "10.0.0.1:80"):
            assert hosts.answers(host)
        for host in ("app.example", "[::1]", "[::1]:8001", "localhost"):
            assert not hosts.answers(host)


@pytest.mark.parametrize("text", ["*", "", "a b", "ftp://a.example", "https://a.example/x", "a@b"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        Hosts([text])
