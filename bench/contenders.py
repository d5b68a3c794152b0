"""Starts and stops what is compared, each over a database of its own on the shared mongod."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.machine import LOAD, SERVER, cpu_seconds, family, resident, settle
from bench.people import SITE, add_people

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo import MongoClient

    from bench.people import Person

__all__ = ["OURS", "Contender", "Load", "available", "contending", "starting"]

OURS = "sessionwire"
ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
_READY = re.compile(r"ready at (http://[0-9.:]+)")
_READY_WITHIN = 60.0
_LIMITS = {
    "SESSIONWIRE_LIMITS__CONNECTIONS_PER_ADDRESS": "100000",
    "SESSIONWIRE_LIMITS__CONNECTIONS": "100000",
}


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def _node(script: str) -> list[str]:
    return ["node", str(PEERS / script)]


_COMMANDS: dict[str, list[str]] = {
    OURS: _python("sessionwire", "serve", "--port", "0", "--log-level", "warning"),
    "node-hub": _node("node-hub.mjs"),
    "socket.io": _node("socket-io.mjs"),
    "mongo-broadcaster": _python("bench.peers.broadcaster"),
    "better-auth": _node("better-auth.mjs"),
    "better-auth, cookie cache": _node("better-auth.mjs"),
    "floor: raw writer": _python("bench.peers.floor_writer"),
    "floor: bare stream": _python("bench.peers.floor_stream"),
}


def available(name: str) -> bool:
    """Whether what it needs is installed: Node and `npm install` in bench/peers, or the extra."""
    if _COMMANDS[name][0] == "node":
        return shutil.which("node") is not None and (PEERS / "node_modules").is_dir()
    return True


@dataclass
class Contender:
    """One running server."""

    name: str
    address: str
    database: str
    secret: str
    people: list[Person]
    process: subprocess.Popen[bytes]
    load: Load = field(init=False)

    def pids(self) -> list[int]:
        return family(self.process.pid)

    def cpu(self) -> float:
        """CPU seconds so far."""
        return cpu_seconds(self.pids())

    def resident(self) -> int:
        return resident(self.pids())


class Load:
    """The load generator of one contender, in a process of its own."""

    def __init__(self, contender: Contender, uri: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            _python("bench.load"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, LOAD),
        )
        self.do(
            people=[
                (p.user_id, p.email, p.organization_id, p.bucket, p.cookie)
                for p in contender.people
            ],
            uri=uri,
            wire=contender.name,
            address=contender.address,
            database=contender.database,
        )

    def do(self, do: str | None = None, **order: Any) -> dict[str, Any]:
        """Have it done, and wait for what came of it. Raises RuntimeError when it failed."""
        if do is not None:
            order["do"] = do
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the generator ended"}
        if "error" in answer:
            raise RuntimeError(f"{do}: {answer['error']}")
        if answer.get("wrong") or answer.get("unchecked") or answer.get("lost"):
            raise RuntimeError(f"{do}: wrong answers: {answer}")
        return answer

    def cpu(self) -> float:
        return cpu_seconds([self._process.pid])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def contending(
    client: MongoClient[dict[str, Any]], uri: str, name: str, **people: int
) -> Iterator[Contender]:
    """A running contender with its people and its load generator, ready to be measured."""
    database, secret = f"bench_{secrets.token_hex(4)}", secrets.token_urlsafe(48)
    seeds = {"count": 1, "cold": 0, "organizations": 1, "buckets": 1, "frozen": 0, **people}
    found = add_people(client[database], secret, **seeds)
    try:
        with starting(name, uri, database, secret, found) as contender:
            yield contender
    finally:
        client.drop_database(database)


@contextlib.contextmanager
def starting(
    name: str, uri: str, database: str, secret: str, people: list[Person], *, workers: int = 1
) -> Iterator[Contender]:
    """The same over a database that has its people already."""
    command = [*_COMMANDS[name]]
    if workers > 1:
        command += ["--workers", str(workers)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env=_environment(name, uri, database, secret, folder),
                preexec_fn=None if workers > 1 else lambda: os.sched_setaffinity(0, SERVER),
            )
        load = None
        try:
            address = _announced(process, log)
            contender = Contender(name, address, database, secret, people, process)
            if workers == 1:
                for pid in contender.pids():
                    settle(pid, SERVER)
            contender.load = load = Load(contender, uri)
            yield contender
        finally:
            if load is not None:
                load.close()
            _end(process)


def _environment(name: str, uri: str, database: str, secret: str, folder: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SESSIONWIRE_")}
    if name == OURS:
        return {
            **kept,
            **_LIMITS,
            "SESSIONWIRE_MONGODB_URI": uri,
            "SESSIONWIRE_DATABASE": database,
            "SESSIONWIRE_SECRET": secret,
            "SESSIONWIRE_ENVIRONMENT": "production",
            "SESSIONWIRE_BASE_URL": SITE,
            "SESSIONWIRE_DATA_DIR": folder,
        }
    return {
        **kept,
        "NODE_ENV": "production",
        "PYTHONPATH": str(ROOT),
        "MONGODB_URI": uri,
        "DATABASE": database,
        "SECRET": secret,
        "COOKIE_CACHE": "1" if "cache" in name else "",
    }


def _announced(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        said = log.read_text(errors="replace")
        if found := _READY.search(said):
            return found[1]
        if process.poll() is not None:
            raise RuntimeError(f"a contender ended with {process.returncode}:\n{said}")
        time.sleep(0.02)
    raise RuntimeError(f"a contender did not start:\n{log.read_text(errors='replace')}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        for pid in reversed(family(process.pid)):
            os.kill(pid, 9)
        process.wait()
