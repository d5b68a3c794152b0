"""`sessionwire types`, judged by the TypeScript compiler and by the client's own declarations."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "client_js"
TSC = CLIENT / "node_modules" / ".bin" / "tsc"
APPLICATION = """
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from bson import ObjectId
from sessionwire import Context, SessionWire

wire = SessionWire(user_fields=("plan",), session_fields=("deviceName",))


class Stage(enum.Enum):
    OPEN = "open"
    DONE = "done"


class Task(msgspec.Struct, rename="camel"):
    task_id: ObjectId
    stage: Stage
    below: list[Task]


@dataclass
class Project:
    name: str
    kind: Literal["own", "shared"]
    task: Task | None
    numbers: tuple[int, float]


@wire.query("projects.list")
def projects(ctx: Context, archived: bool = False) -> list[Project]:
    return []


@wire.query("anything")
def anything(ctx: Context) -> Any: ...
"""
COMPARED = """
import type { Queries as Client } from './index.js';
import type { Queries as Server, User, Session } from './printed.js';

type Names = keyof Server & keyof Client;
const everyQuery: Record<keyof Client, true> =
  { session: true, user: true, organizations: true, organization: true, devices: true };
export const names: Record<Names, true> = everyQuery;

type Full<T> = T extends readonly (infer Item)[] ? readonly Full<Item>[]
  : T extends object ? { [Key in keyof T]-?: Full<NonNullable<T[Key]>> }
  : T;
type Fits<A, B> = [A] extends [B] ? true : false;
type Same<A, B> = Fits<Full<A>, Full<B>> extends true ? Fits<Full<B>, Full<A>> : false;

export const same: { [Name in Names]: Same<NonNullable<Server[Name]>, Client[Name]> } =
  { session: true, user: true, organizations: true, organization: true, devices: true };
export const fits: { [Name in Names]: Fits<Client[Name], NonNullable<Server[Name]>> } =
  { session: true, user: true, organizations: true, organization: true, devices: true };
"""
USED = """
import type { Queries, OwnQueries, User, Session } from './printed.js';

declare module './index.js' {
  interface Queries extends OwnQueries {}
}
import { createSessionClient } from './index.js';

const client = createSessionClient();
const projects = client.query('projects.list').get().data;
export const stage: 'open' | 'done' | undefined = projects?.[0]?.task?.stage;
export const below: string | undefined = projects?.[0]?.task?.below[0]?.taskId;
export const second: number | undefined = projects?.[0]?.numbers[1];
export const anything: unknown = client.query('anything').get().data;
export const plan = (user: User, session: Session): unknown => [user.plan, session.deviceName];
// @ts-expect-error the name is a text
export const wrong: number | undefined = projects?.[0]?.name;
// @ts-expect-error it has no such member
export const missing = (user: User): unknown => user.password;
export type All = Queries[keyof Queries];
"""

pytestmark = pytest.mark.skipif(not TSC.exists(), reason="needs the client's TypeScript")


def printed(*arguments: str, at: Path) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "sessionwire", "types", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=at,
        env={**os.environ, "PYTHONPATH": str(CLIENT.parent / "server")},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def compile_strictly(directory: Path, **files: str) -> str:
    """What the compiler says to these modules beside the client's declarations: nothing."""
    (directory / "package.json").write_text('{"type": "module"}')
    for source in (CLIENT / "src").glob("*.d.ts"):
        (directory / source.name).write_text(source.read_text())
    paths = []
    for name, text in files.items():
        paths.append(directory / f"{name}.ts")
        paths[-1].write_text(text)
    options = ["--strict", "--exactOptionalPropertyTypes", "--noEmit", "--target", "es2022"]
    options += ["--module", "nodenext", "--lib", "es2022,dom,dom.iterable"]
    run = subprocess.run(
        [TSC, *options, *paths], capture_output=True, text=True, timeout=120, cwd=directory
    )
    return run.stdout + run.stderr


def test_the_built_in_queries_are_those_that_the_client_declares(tmp_path: Path) -> None:
    """The same members and kinds; what the client leaves out is only where null may stand."""
    assert compile_strictly(tmp_path, printed=printed(at=tmp_path), compared=COMPARED) == ""


def test_an_application_types_its_own_queries_and_fields(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APPLICATION)
    text = printed("--app", "main:wire", at=tmp_path)
    assert compile_strictly(tmp_path, printed=text, used=USED) == ""


def test_a_type_that_is_not_the_servers_is_noticed(tmp_path: Path) -> None:
    text = printed(at=tmp_path).replace("emailVerified: boolean", "emailVerified: string")
    assert "compared.ts" in compile_strictly(tmp_path, printed=text, compared=COMPARED)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("main:app", "not a SessionWire"),
        ("main:nothing", "nothing"),
        ("nowhere:wire", "nowhere"),
        ("main", "module:name"),
    ],
)
def test_what_is_no_server_is_refused_with_a_remedy(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "main.py").write_text(APPLICATION + "app = object()\n")
    run = subprocess.run(
        [sys.executable, "-m", "sessionwire", "types", "--app", name],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CLIENT.parent / "server")},
    )
    assert run.returncode == 1 and run.stdout == ""
    assert "sessionwire cannot start" in run.stderr and said in run.stderr
