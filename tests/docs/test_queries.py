"""The example of docs/queries.md, run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessionwire import SessionWire
from sessionwire.model import ObjectId
from support.people import add_organization, add_person
from support.server import run_server

if TYPE_CHECKING:
    import pytest

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

ROOT = Path(__file__).parents[2]


def example(page: str, number: int = 0) -> str:
    found: list[str] = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    return found[number]


async def test_the_example_is_live(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.mongodb_uri is not None and settings.secret is not None
    monkeypatch.setenv("SESSIONWIRE_MONGODB_URI", settings.mongodb_uri.get_secret_value())
    monkeypatch.setenv("SESSIONWIRE_SECRET", settings.secret.get_secret_value())
    monkeypatch.setenv("SESSIONWIRE_DATABASE", settings.database)
    names: dict[str, Any] = {}
    exec(compile(example("docs/queries.md"), "docs/queries.md", "exec"), names)
    wire = names["wire"]
    assert isinstance(wire, SessionWire)
    person = await add_person(store, settings, "Alice")
    organization = await add_organization(store, "Acme", {person.id: "owner"})
    async with run_server(wire.settings, wire=wire) as server:
        live = await server.live(cookie=person.cookie)
        await live.subscribe(1, "projects.list", args={"archived": False})
        assert await live.until_shown(1, lambda data: True) == []
        async with store.writing() as writing:
            pointer = {"$set": {"activeOrganizationId": str(organization)}}
            await writing.update_one("user", {"_id": person.id}, pointer)
            project = {"_id": ObjectId(), "organizationId": organization, "name": "Rocket"}
            await writing.insert_one("project", project)
        shown = await live.until_shown(1, lambda data: data != [])
        assert shown == [{"id": str(project["_id"]), "name": "Rocket"}]
        await live.subscribe(2, "projects.list", args={"archived": "yes"})
        frame = await live.until(lambda frame: frame["op"] == "error")
        assert frame["code"] == "invalid_args" and frame["id"] == 2


async def test_the_readme_mounts_in_five_lines(store: Store, settings: Settings) -> None:
    source = example("README.md").replace(
        'mongodb_uri="mongodb://localhost/?replicaSet=rs0", database="app"', "settings"
    )
    names: dict[str, Any] = {"hello": lambda request: None, "settings": settings}
    exec(compile(source, "README.md", "exec"), names)
    async with names["app"].router.lifespan_context(names["app"]):
        assert names["wire"].relay.live
