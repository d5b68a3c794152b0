"""The embedded MongoDB, against a real mongod and real processes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from sessionwire.errors import StartupError
from sessionwire.store import data_directory, embedded, mongod
from sessionwire.store.data_directory import DataDirectory
from sessionwire.store.diagnosis import (
    Failure,
    Kind,
    Site,
    diagnose,
    explain,
    explain_os_error,
    summary,
)
from sessionwire.store.embedded import EmbeddedMongo, find_mongod
from sessionwire.store.mongod import Mongod, command_line, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

SERVER = """
import asyncio, pathlib, sys
from sessionwire.store.embedded import EmbeddedMongo

async def main():
    mongo = EmbeddedMongo(pathlib.Path(sys.argv[1]))
    print(await mongo.start(), mongo.pid, flush=True)
    await asyncio.Event().wait()

if sys.argv[2] == "uvloop":
    import uvloop
    uvloop.run(main())
asyncio.run(main())
"""


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (other processes set no event)
            await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def listening_addresses(port: int) -> list[str]:
    """IPv4, as /proc/net/tcp writes them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    ends = [row[1].split(":") for row in rows if row[3] == "0A"]
    return [address for address, end in ends if end == f"{port:04X}"]


@contextlib.asynccontextmanager
async def client_of(uri: str) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
    async with client:
        yield client


async def write(uri: str, value: int) -> None:
    async with client_of(uri) as client:
        await client.test.values.insert_one({"_id": value})


async def values(uri: str) -> list[int]:
    async with client_of(uri) as client:
        return [each["_id"] async for each in client.test.values.find(sort=["_id"])]


async def write_until_accepted(client: AsyncMongoClient[dict[str, Any]], value: int) -> None:
    """As an application would, whose mongod is away for a moment."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(PyMongoError):
                await client.test.values.replace_one({"_id": value}, {}, upsert=True)
                return


@contextlib.asynccontextmanager
async def server_on(
    directory: Path, loop: str = "asyncio"
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, int]]:
    """Another server process: itself, its URI and the pid of its mongod."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVER, str(directory), loop),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SESSIONWIRE_SECRET": "x"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        uri, pid = (await process.stdout.readline()).split()
        yield process, uri.decode(), int(pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.contextmanager
def mongod_on(directory: DataDirectory) -> Iterator[subprocess.Popen[bytes]]:
    """A mongod that nothing ends, over the data of `directory`."""
    directory.data.mkdir(parents=True, exist_ok=True)
    program = find_mongod(None, os.environ)
    with running(*command_line(program, directory.data, free_port(), ())) as process:
        yield process


@contextlib.contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def program_saying(path: Path, shell: str) -> Path:
    path.write_text(f"#!/bin/sh\n{shell}\n")
    path.chmod(0o755)
    return path


def port_of(uri: str) -> int:
    return int(uri.removeprefix("mongodb://127.0.0.1:").partition("/")[0])


class TestLife:
    async def test_a_started_node_is_a_writable_primary_with_change_streams(
        self, tmp_path: Path
    ) -> None:
        async with EmbeddedMongo(tmp_path) as mongo, client_of(mongo.uri) as client:
            hello = await client.admin.command("hello")
            assert (hello["setName"], hello["isWritablePrimary"]) == ("sessionwire", True)
            async with await client.test.values.watch() as stream:
                await client.test.values.insert_one({"_id": 1})
                assert (await stream.next())["documentKey"] == {"_id": 1}

    async def test_it_listens_on_loopback_only(self, tmp_path: Path) -> None:
        async with EmbeddedMongo(tmp_path) as mongo:
            assert listening_addresses(port_of(mongo.uri)) == ["0100007F"]

    async def test_mongod_gets_none_of_our_secrets(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SESSIONWIRE_SECRET", "hush")
        async with EmbeddedMongo(tmp_path) as mongo:
            assert b"hush" not in environment_of(mongo.pid)

    async def test_data_and_port_survive_a_restart(self, tmp_path: Path) -> None:
        mongo = EmbeddedMongo(tmp_path)
        first = await mongo.start()
        await write(first, 1)
        await mongo.stop()
        second = await mongo.start()
        assert (second, await values(second)) == (first, [1])
        await mongo.stop()

    async def test_data_survives_a_move_to_another_port(self, tmp_path: Path) -> None:
        async with EmbeddedMongo(tmp_path) as mongo:
            await write(mongo.uri, 1)
            old = port_of(mongo.uri)
        # It hangs up: mongod asks the old address for 30 s whether it is mongod itself.
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", old):
            async with EmbeddedMongo(tmp_path) as mongo:
                assert port_of(mongo.uri) != old
                assert await values(mongo.uri) == [1]
                await write(mongo.uri, 2)

    async def test_stop_leaves_no_process_and_may_be_repeated(self, tmp_path: Path) -> None:
        mongo = EmbeddedMongo(tmp_path)
        await mongo.start()
        pid = mongo.pid
        await asyncio.gather(mongo.stop(), mongo.stop())
        await mongo.stop()
        assert not lives(pid)

    async def test_a_cancelled_start_leaves_no_process(self, tmp_path: Path) -> None:
        directory = DataDirectory(tmp_path)
        starting = asyncio.ensure_future(EmbeddedMongo(tmp_path).start())
        await until(lambda: directory.remembered() is not None)
        starting.cancel()
        await asyncio.wait({starting})
        trace = directory.remembered()
        assert starting.cancelled()
        assert trace is not None
        assert not lives(trace.pid)
        assert directory.claim()
        directory.release()

    async def test_a_long_log_is_cut(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(data_directory, "LOG_LIMIT", 20_000)
        monkeypatch.setattr(data_directory, "_KEPT", 10_000)
        log = tmp_path / "mongod.log"
        async with EmbeddedMongo(tmp_path):
            await until((tmp_path / "mongod.log.1").exists)
            await until(lambda: log.stat().st_size < 20_000)


class TestDeathOfMongod:
    async def test_a_killed_mongod_comes_back_on_its_port(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "sessionwire.embedded")
        async with EmbeddedMongo(tmp_path) as mongo, client_of(mongo.uri) as client:
            uri, first = mongo.uri, mongo.pid
            await write_until_accepted(client, 1)
            os.kill(first, signal.SIGKILL)
            await until(lambda: mongo.pid != first)
            await write_until_accepted(client, 2)
            assert (mongo.uri, await values(uri)) == (uri, [1, 2])
            await until(lambda: len(caplog.records) == 3)
        port = port_of(uri)
        assert [record.getMessage() for record in caplog.records] == [
            f"mongod (process {first}) serves on port {port}",
            f"mongod (process {first}) ended with -9; restarting it",
            caplog.records[2].getMessage(),
        ]
        assert caplog.records[2].getMessage().endswith(f"serves on port {port} again")

    async def test_stop_wins_over_a_restart(self, tmp_path: Path) -> None:
        mongo = EmbeddedMongo(tmp_path)
        await mongo.start()
        first = mongo.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: mongo.pid != first)
        second = mongo.pid
        await mongo.stop()
        assert not lives(second)

    async def test_stop_right_after_the_death_starts_nothing(self, tmp_path: Path) -> None:
        mongo = EmbeddedMongo(tmp_path)
        await mongo.start()
        os.kill(mongo.pid, signal.SIGKILL)
        await mongo.stop()
        trace = DataDirectory(tmp_path).remembered()
        assert trace is not None
        assert not lives(trace.pid)

    async def test_what_cannot_restart_says_why_and_is_tried_again(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with EmbeddedMongo(tmp_path) as mongo:
            first = mongo.pid
            turtle = DataDirectory(tmp_path).data / "WiredTiger.turtle"
            aside = turtle.rename(tmp_path / "aside")
            os.kill(first, signal.SIGKILL)
            await until(lambda: "does not restart" in caplog.text)
            said = caplog.records[-1].getMessage()
            aside.rename(turtle)
            await write(mongo.uri, 1)
        assert "is damaged: WiredTiger.turtle is missing; restore" in said
        assert "\n" not in said


class TestDeathOfTheServer:
    @pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
    async def test_mongod_ends_with_a_killed_server(self, tmp_path: Path, loop: str) -> None:
        async with server_on(tmp_path, loop) as (server, _, pid):
            assert lives(pid)
            server.kill()
            await until(lambda: not lives(pid))

    async def test_a_start_at_once_after_a_kill_has_the_data(self, tmp_path: Path) -> None:
        async with server_on(tmp_path) as (server, uri, pid):
            await write(uri, 1)
            server.kill()
            async with EmbeddedMongo(tmp_path) as mongo:
                assert not lives(pid)
                assert await values(mongo.uri) == [1]

    async def test_under_uvloop_a_killed_mongod_comes_back(self, tmp_path: Path) -> None:
        directory = DataDirectory(tmp_path)
        async with server_on(tmp_path, "uvloop") as (_, uri, pid), client_of(uri) as client:
            os.kill(pid, signal.SIGKILL)
            await until(lambda: (trace := directory.remembered()) is None or trace.pid != pid)
            await write_until_accepted(client, 1)

    async def test_a_leftover_that_does_not_end_is_killed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mongod, "STOP_SECONDS", 0.2)
        directory = DataDirectory(tmp_path)
        with mongod_on(directory) as leftover:
            await until((directory.data / "WiredTiger.turtle").exists)
            directory.remember(Mongod(leftover).trace(free_port()))
            os.kill(leftover.pid, signal.SIGSTOP)
            async with EmbeddedMongo(tmp_path):
                assert leftover.wait() == -signal.SIGKILL

    async def test_a_reused_process_id_is_left_alone(self, tmp_path: Path) -> None:
        directory = DataDirectory(tmp_path)
        with running("sleep", "60") as stranger:
            directory.remember(Mongod(stranger).trace(free_port()))
            async with EmbeddedMongo(tmp_path):
                assert stranger.poll() is None


class TestRefusal:
    async def test_two_live_servers_cannot_share_a_directory(self, tmp_path: Path) -> None:
        async with server_on(tmp_path) as (server, _, pid):
            with pytest.raises(StartupError, match=f"in use .*process {server.pid}") as caught:
                await EmbeddedMongo(tmp_path).start()
            assert "--data-dir" in caught.value.remedy
            assert lives(pid)

    async def test_a_mongod_that_is_not_ours_is_left_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(embedded, "TAKEOVER_SECONDS", 0.2)
        directory = DataDirectory(tmp_path)
        with mongod_on(directory) as stranger:
            await until((directory.data / "WiredTiger.turtle").exists)
            with pytest.raises(StartupError, match="a mongod that is not ours"):
                await EmbeddedMongo(tmp_path).start()
            assert stranger.poll() is None

    async def test_a_file_in_place_of_the_directory_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StartupError, match="/file is a file, not a directory") as caught:
            await EmbeddedMongo(tmp_path / "file").start()
        assert "move it away" in caught.value.remedy

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    async def test_a_directory_that_is_not_writable_is_named(self, tmp_path: Path) -> None:
        os.chmod(tmp_path, 0o500)
        with pytest.raises(StartupError, match="cannot be made or written") as caught:
            await EmbeddedMongo(tmp_path).start()
        assert "chown" in caught.value.remedy

    async def test_a_taken_port_is_named(self, tmp_path: Path) -> None:
        with listener() as port, pytest.raises(StartupError, match=f"port {port}") as caught:
            await EmbeddedMongo(tmp_path, port=port).start()
        assert "ss -ltnp" in caught.value.remedy

    async def test_a_missing_library_names_its_package(self, tmp_path: Path) -> None:
        program = program_saying(
            tmp_path / "mongod",
            f"echo '{tmp_path}/mongod: error while loading shared libraries: libcurl.so.4: "
            "cannot open shared object file: No such file or directory' >&2; exit 127",
        )
        with pytest.raises(StartupError, match=r"needs the library libcurl\.so\.4") as caught:
            await EmbeddedMongo(tmp_path / "data", mongod=program).start()
        assert "apt-get install libcurl4" in caught.value.remedy

    async def test_a_program_for_another_machine_is_named(self, tmp_path: Path) -> None:
        program = tmp_path / "mongod"
        program.write_bytes(b"\x7fELF nonsense")
        program.chmod(0o755)
        with pytest.raises(StartupError, match="cannot be executed: .*/mongod: Exec format error"):
            await EmbeddedMongo(tmp_path / "data", mongod=program).start()

    async def test_a_refused_argument_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(StartupError, match="unrecognised option '--nonsense'"):
            await EmbeddedMongo(tmp_path, extra_arguments=["--nonsense"]).start()

    async def test_a_start_that_takes_too_long_shows_the_last_words(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(embedded, "START_SECONDS", 0.5)
        program = program_saying(tmp_path / "mongod", "echo still thinking; exec sleep 60")
        with pytest.raises(StartupError, match="not ready in time; .* still thinking"):
            await EmbeddedMongo(tmp_path / "data", mongod=program).start()
        trace = DataDirectory(tmp_path / "data").remembered()
        assert trace is not None
        assert not lives(trace.pid)

    @pytest.mark.parametrize("name", ["WiredTiger.turtle", "WiredTiger.wt", "_mdb_catalog.wt"])
    async def test_damaged_data_is_named(self, tmp_path: Path, name: str) -> None:
        async with EmbeddedMongo(tmp_path) as mongo:
            await write(mongo.uri, 1)
        data = DataDirectory(tmp_path).data
        (data / name).write_bytes(b"garbage" * 1000)
        with pytest.raises(StartupError, match=f"data in {data} is damaged: ") as caught:
            await EmbeddedMongo(tmp_path).start()
        assert caught.value.remedy.startswith(f"restore {data} from a backup")
        assert str(tmp_path / "mongod.log") in caught.value.remedy

    async def test_data_of_a_newer_version_is_named(self, tmp_path: Path) -> None:
        async with EmbeddedMongo(tmp_path):
            pass
        set_file_version(DataDirectory(tmp_path).data / "WiredTiger.wt", 99)
        with pytest.raises(StartupError, match="of another version of MongoDB") as caught:
            await EmbeddedMongo(tmp_path).start()
        assert "SESSIONWIRE_MONGOD" in caught.value.remedy


def set_file_version(path: Path, version: int) -> None:
    """As a later WiredTiger would have written the first block: magic, version, CRC-32C."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<HHI", content, 4, version, 0, 0)
    struct.pack_into("<I", content, 8, checksum(content[:4096]))
    path.write_bytes(content)


def checksum(block: bytearray) -> int:
    """CRC-32C, bit by bit."""
    remainder = 0xFFFFFFFF
    for byte in block:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


class TestFindingMongod:
    def test_the_explicit_one_wins(self, tmp_path: Path) -> None:
        explicit = program_saying(tmp_path / "explicit", "")
        environment = {"SESSIONWIRE_MONGOD": "/nowhere", "PATH": "/nowhere"}
        assert find_mongod(explicit, environment) == explicit

    def test_then_the_variable(self, tmp_path: Path) -> None:
        named = program_saying(tmp_path / "named", "")
        program_saying(tmp_path / "mongod", "")
        environment = {"SESSIONWIRE_MONGOD": str(named), "PATH": str(tmp_path)}
        assert find_mongod(None, environment) == named

    def test_then_the_path(self, tmp_path: Path) -> None:
        on_path = program_saying(tmp_path / "mongod", "")
        assert find_mongod(None, {"PATH": str(tmp_path)}) == on_path

    def test_then_the_wheel_without_importing_it(self) -> None:
        before = set(sys.modules)
        assert find_mongod(None, {}).parts[-4:] == ("fiftyone", "db", "bin", "mongod")
        assert not {name for name in set(sys.modules) - before if name.startswith("fiftyone")}

    def test_a_named_one_that_is_missing_is_not_replaced(self, tmp_path: Path) -> None:
        with pytest.raises(StartupError, match="no mongod at .*/absent") as caught:
            find_mongod(tmp_path / "absent", os.environ)
        assert "SESSIONWIRE_MONGODB_URI" in caught.value.remedy

    def test_a_file_that_is_not_executable_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "mongod").touch(0o600)
        with pytest.raises(StartupError, match="not executable") as caught:
            find_mongod(None, {"SESSIONWIRE_MONGOD": str(tmp_path / "mongod")})
        assert caught.value.remedy == f"chmod +x {tmp_path}/mongod"

    @pytest.mark.parametrize(
        ("machine", "remedy"),
        [("x86_64", "pip install 'sessionwire[embedded]', or set"), ("aarch64", "the packaged")],
    )
    def test_none_at_all_says_how_to_get_one(
        self, monkeypatch: pytest.MonkeyPatch, machine: str, remedy: str
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        monkeypatch.setattr("platform.machine", lambda: machine)
        with pytest.raises(StartupError, match="no mongod was found") as caught:
            find_mongod(None, {})
        assert caught.value.remedy.startswith(remedy)


class TestDiagnosis:
    @pytest.mark.parametrize(
        ("kind", "code", "line"),
        [
            (Kind.LIBRARY_MISSING, 127, "m: error while loading shared libraries: libx.so.1: no"),
            (Kind.SYSTEM_TOO_OLD, 1, "m: /lib/libc.so.6: version `GLIBC_2.34' not found (by m)"),
            (Kind.NOT_EXECUTABLE, 1, "cannot execute /bin/m: Exec format error"),
            (Kind.PROCESSOR_TOO_OLD, -4, ""),
            (Kind.ARGUMENTS, 2, "Error parsing command line: unrecognised option '--x'"),
            (Kind.PORT_TAKEN, 48, '{"s":"E","attr":{"error":"Address already in use"}}'),
            (Kind.NOT_PERMITTED, 48, '{"s":"E","attr":{"error":"Permission denied"}}'),
            (
                Kind.DIRECTORY_LOCKED,
                100,
                '{"s":"E","attr":{"error":"Another mongod instance is already running on /d"}}',
            ),
            (Kind.DISK_FULL, 14, '{"s":"F","attr":{"reason":"28: No space left on device"}}'),
            (
                Kind.DISK_FULL,
                -6,
                '{"s":"E","msg":"No space left on device"}\n{"s":"E","msg":"WT_PANIC"}',
            ),
            (Kind.OTHER_VERSION, 62, ""),
            (Kind.OTHER_VERSION, 14, '{"s":"F","msg":"Wrong mongod version"}'),
            (Kind.OTHER_VERSION, 14, '{"s":"E","msg":"Version incompatibility detected: x"}'),
            (Kind.DAMAGED, -6, '{"s":"E","msg":"WT_TRY_SALVAGE: x"}\n{"s":"F","msg":"abort"}'),
            (Kind.DAMAGED, 14, '{"s":"F","msg":"Terminating.","attr":{"reason":"22: x"}}'),
            (Kind.KILLED, -9, '{"s":"I","msg":"Opening WiredTiger"}'),
            (Kind.UNKNOWN, 3, '{"s":"I","msg":"Permission denied by a peer"}'),
            (Kind.UNKNOWN, 0, ""),
        ],
    )
    def test_each_end_of_mongod_has_its_kind(self, kind: Kind, code: int, line: str) -> None:
        assert diagnose(code, f"{line}\n", free=10**9).kind is kind

    def test_a_log_cut_short_on_a_full_disk_is_no_riddle(self) -> None:
        assert diagnose(14, '{"s":"I","ms', free=4096).kind is Kind.DISK_FULL

    @pytest.mark.parametrize("kind", Kind)
    def test_every_kind_is_explained_in_one_line_with_a_remedy(self, kind: Kind) -> None:
        site = Site(Path("/bin/mongod"), Path("/data"), Path("/log"), 1)
        error = explain(Failure(kind, "because {of} this"), site)
        assert error.message and error.remedy
        assert "\n" not in error.message + error.remedy

    @pytest.mark.parametrize(
        ("number", "words"),
        [
            (17, "not a directory"),
            (13, "cannot be made or written"),
            (28, "no space"),
            (5, "Input/output"),
        ],
    )
    def test_what_our_files_meet_is_explained(self, number: int, words: str) -> None:
        error = explain_os_error(OSError(number, os.strerror(number), "/data"), Path("/data"))
        assert words in error.message
        assert "--data-dir" in error.remedy

    def test_last_words_are_short_and_prefer_complaints(self) -> None:
        tail = '{"s":"F","msg":"A\\n b","attr":{"error":{"errmsg":"why"}}}\n{"s":"I","msg":"c"}\n'
        assert summary(tail) == "A b: why"
        assert len(summary(f"{'x' * 9_000}\n" * 9)) < 620

    def test_silence_is_called_so(self) -> None:
        assert summary("") == "it said nothing"
