"""A server in development serves its documents; one in production does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.routing import Mount

from contracts.wire_schemas import DOCUMENT
from sessionwire import SessionWire
from sessionwire.gateways.auth.routes import ENDPOINTS
from sessionwire.settings import load_settings

if TYPE_CHECKING:
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.server import Running

PATHS = ("/sessionwire/openapi.json", "/sessionwire/asyncapi.json")


async def test_the_openapi_document_is_valid_and_has_every_endpoint(server: Running) -> None:
    async with server.http() as http:
        document = (await http.get("/sessionwire/openapi.json")).json()
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["paths"].keys() == {each.path for each in ENDPOINTS}
    broken = {**document, "paths": {"/ok": {"get": {"responses": {"200": {}}}}}}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


async def test_the_asyncapi_document_has_the_queries_of_the_application(
    settings: Settings, store: Store
) -> None:
    wire = SessionWire(settings)
    wire.query("projects.list")(lambda ctx: [])
    async with wire.lifespan(), browser(wire) as http:
        document = (await http.get("/sessionwire/asyncapi.json")).json()
    assert document["channels"].keys() == DOCUMENT["channels"].keys()
    assert document["x-queries"].keys() == {*DOCUMENT["x-queries"], "projects.list"}


@pytest.mark.parametrize("path", PATHS)
async def test_a_document_that_is_held_is_not_sent_again(server: Running, path: str) -> None:
    async with server.http() as http:
        first = await http.get(path)
        assert first.headers["content-type"] == "application/json"
        assert first.headers["cache-control"] == "no-cache"
        assert first.headers["x-content-type-options"] == "nosniff"
        assert first.headers["content-security-policy"].startswith("default-src 'none'")
        etag = first.headers["etag"]
        for stated in (etag, f'W/{etag}, "other"', "*"):
            again = await http.get(path, headers={"if-none-match": stated})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert (await http.get(path, headers={"if-none-match": '"other"'})).status_code == 200
        assert (await http.post(path)).status_code == 405


async def test_mounted_under_a_path_they_are_under_it(settings: Settings, store: Store) -> None:
    wire = SessionWire(settings)
    app = Starlette(routes=[Mount("/identity", wire)])
    async with wire.lifespan(), browser(app) as http:
        for path in PATHS:
            assert (await http.get(f"/identity{path}")).status_code == 200


async def test_production_tells_strangers_neither_its_version_nor_its_queries(
    settings: Settings, store: Store
) -> None:
    assert settings.mongodb_uri is not None and settings.secret is not None
    given = load_settings(
        mongodb_uri=settings.mongodb_uri,
        database=settings.database,
        secret=settings.secret,
        environment="production",
        base_url="https://app.example.com",
    )
    wire = SessionWire(given)
    async with wire.lifespan(), browser(wire, "https://app.example.com") as http:
        for path in PATHS:
            assert (await http.get(path)).status_code == 404


def browser(app: object, address: str = "http://127.0.0.1:8000") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=address)
