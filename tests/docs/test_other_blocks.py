"""The blocks of the documentation that are not Python: JavaScript, markup, data, commands."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
import yaml
from playwright.async_api import expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from docs.pages import PAGES, Block, blocks, prose, read
from gateways.python.site import site
from sessionwire.cli.program import program
from sessionwire.settings import Settings
from sessionwire.spelling import PREFIX, unknown_variables
from support.browser import open_tab
from support.people import add_organization, add_person

if TYPE_CHECKING:
    import click
    from playwright.async_api import Browser
    from starlette.requests import Request

    from sessionwire import SessionWire
    from sessionwire.store.mongo import Store

ESBUILD = Path(__file__).parents[2] / "client_js" / "node_modules" / "esbuild"
SCRIPT = re.compile(r'<script type="module">\n(.*?)</script>', re.DOTALL)
INLINE = re.compile(r"`(sessionwire [a-z][^`]*)`")
VARIABLE = re.compile(r"\bSESSIONWIRE_([A-Z][A-Z0-9_]*[A-Z0-9])\b")
KNOWN_LANGUAGES = {
    "caddy", "haproxy", "html", "js", "json", "jsx", "nginx", "python", "sh", "svelte", "toml",
    "ts", "yaml",
}  # fmt: skip


def test_every_block_is_of_a_language_that_is_checked_here() -> None:
    fences = {each for page in PAGES for each in re.findall(r"^ *```(\S+)", read(page), re.M)}
    assert fences <= KNOWN_LANGUAGES


@pytest.mark.skipif(not ESBUILD.exists(), reason="needs the client's tools")
def test_every_script_parses() -> None:
    given = [
        {"name": each.name, "language": each.language, "text": each.text}
        for each in blocks("js", "jsx", "ts", "svelte")
    ]
    for each in blocks("html"):
        scripts = SCRIPT.findall(each.text)
        assert scripts or "<script type=" in each.text, each.name
        given += [{"name": each.name, "language": "js", "text": text} for text in scripts]
    assert len(given) > 15
    broken = {"name": "broken", "language": "js", "text": "const = 1"}
    run = subprocess.run(
        ["node", Path(__file__).with_name("parse.mjs")],
        input=json.dumps([*given, broken]),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout).keys() == {"broken"}, run.stdout


def test_data_are_what_they_are_called() -> None:
    for each in blocks("json"):
        json.loads(each.text)
    for each in blocks("yaml"):
        assert yaml.safe_load(each.text)
    for each in blocks("toml"):
        assert tomllib.loads(each.text).keys() <= Settings.model_fields.keys(), each.name


WHOLE = [each for each in blocks("html") if "createSessionClient" in each.text]


@pytest.mark.browser
async def test_pages_that_are_whole_show_the_session(
    chromium: Browser, settings: Settings, store: Store
) -> None:
    """All but the tutorial's, which has a test of its own, put the name into the title."""
    examples = [each for each in WHOLE if not each.page.startswith("docs/quick-start")]
    assert len(examples) >= 2
    alice = await add_person(store, settings, "Alice")
    acme = await add_organization(store, "Acme", {alice.id: "owner"})
    async with store.writing() as writing:
        pointer = {"$set": {"activeOrganizationId": str(acme)}}
        await writing.update_one("user", {"_id": alice.id}, pointer)

    async def page(request: Request) -> HTMLResponse:
        icon = '<link rel="icon" href="/sessionwire/pages/icon.svg">'
        return HTMLResponse(icon + examples[int(request.path_params["number"])].text)

    def build(wire: SessionWire) -> Starlette:
        routes = [Route("/{number:int}", page), Mount("/", wire)]
        return Starlette(routes=routes, lifespan=wire.lifespan)

    name, _, value = alice.cookie.partition("=")
    async with site(settings, build) as served:
        async with open_tab(chromium, served.address) as tab:
            cookie: Any = {"name": name, "value": value, "url": served.address}
            await tab.page.context.add_cookies([cookie])
            for number in range(len(examples)):
                await tab.page.goto(f"{served.address}/{number}")
                await expect(tab.page).to_have_title("Alice · Acme")
                await tab.page.goto("about:blank")


def commands() -> list[tuple[str, list[str]]]:
    """Every call of sessionwire, in blocks and in the text: where it stands, and its words."""
    found = []
    for each in blocks("sh"):
        for line in each.text.replace("\\\n", " ").splitlines():
            calls = [words for words in _calls(line) if Path(words[0]).name == "sessionwire"]
            found += [(each.name, words[1:]) for words in calls]
    for page in PAGES:
        texts = INLINE.findall(prose(page))
        found += [(page, shlex.split(text.partition(">")[0])[1:]) for text in texts]
    return found


def _words(line: str) -> shlex.shlex:
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    words.commenters = "#"
    return words


def _calls(line: str) -> list[list[str]]:
    """The words of each program that the line starts."""
    found: list[list[str]] = [[]]
    for word in _words(line):
        if set(word) <= set("&|;<>()"):
            found.append([])
        else:
            found[-1].append(word)
    return [each for each in found if each]


def test_every_command_is_one_and_takes_these_options() -> None:
    group = typer.main.get_command(program)
    found = commands()
    assert {words[0] for _, words in found} >= {"serve", "config", "openapi", "asyncapi", "types"}
    for where, words in found:
        assert fault_of(group, words) is None, f"{where}: sessionwire {' '.join(words)}"
    assert fault_of(group, ["serve", "--wrokers", "2"]) and fault_of(group, ["server"])


def fault_of(group: Any, words: list[str]) -> str | None:
    """What is wrong with a call, read by the command's own parser but not run."""
    name, *rest = words
    command: click.Command | None = group.commands.get(name)
    if command is None:
        return f"no command {name}"
    known = {option for each in command.params for option in each.opts} | {"--help"}
    used = [each.partition("=")[0] for each in rest if each.startswith("-") and each != "-"]
    return next((each for each in used if each not in known), None)


def is_setting(name: str) -> bool:
    """Also what only the tests read."""
    return name.startswith(("CHAOS_", "TEST_")) or not unknown_variables([PREFIX + name])


def test_every_variable_is_a_setting() -> None:
    found = [(page, name) for page in PAGES for name in VARIABLE.findall(read(page))]
    assert len(found) > 20
    assert [each for each in found if not is_setting(each[1])] == []
    assert not is_setting("DATABSE") and not is_setting("LIMITS__FAME")


def test_a_block_has_a_language_unless_it_is_a_drawing() -> None:
    bare = [each for each in blocks("") if not re.search(r"[│─▶▲┘]", each.text)]
    assert [each.name for each in bare if _is_code(each)] == []


def _is_code(block: Block) -> bool:
    return bool(re.search(r"[{}=;]|sessionwire ", block.text))
