"""The server as a process: how it starts, what it prints, what it refuses, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from sessionwire.policy.cookies import PurposeSigner
from sessionwire.store.binary import find_mongod
from sessionwire.store.mongod import accepts
from support.process import (
    Process,
    Served,
    eventually,
    free_port,
    launch,
    run_to_end,
    serve,
    write_from_elsewhere,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

SECRET = "kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where a server may keep its things; it does not exist yet."""
    return tmp_path / "data"


async def user_of(served: Served, browser: httpx.AsyncClient) -> str | None:
    """Whose session the browser's cookies name at this server."""
    async with served.web.http(cookies=browser.cookies) as http:
        answer = (await http.get("/api/auth/get-session")).raise_for_status().json()
    return None if answer is None else answer["user"]["name"]


async def all_gone(family: list[Process]) -> None:
    await eventually(lambda: not any(each.is_running for each in family), within=10)


async def test_it_serves_as_soon_as_it_has_printed_its_address(data_dir: Path) -> None:
    async with serve(data_dir) as served, served.web.http() as http:
        assert (await http.get("/api/auth/ok")).json() == {"ok": True}
        assert served.printed.count(served.address) == 1


async def test_data_secret_and_sessions_are_kept_between_runs(data_dir: Path) -> None:
    async with serve(data_dir) as served:
        alice = await served.web.sign_up()
        await write_from_elsewhere(
            served.mongodb_uri, "sessionwire", "user", "update_one", {}, {"$set": {"name": "Ada"}}
        )
        secret = data_dir / "secret"
        made = secret.read_text()
        assert len(made) >= 32
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    async with serve(data_dir) as served:
        assert await user_of(served, alice) == "Ada"
        assert secret.read_text() == made


@pytest.mark.parametrize(
    ("sign", "group"), [(signal.SIGTERM, False), (signal.SIGINT, True)], ids=["SIGTERM", "Ctrl-C"]
)
async def test_a_signal_ends_it_in_order(data_dir: Path, sign: signal.Signals, group: bool) -> None:
    async with serve(data_dir) as served:
        family = served.family()
        assert [each.name for each in family] == ["mongod"]
        assert await served.end(sign, group=group) == 0
        assert not any(each.is_running for each in family)
        assert "Traceback" not in served.printed


async def test_open_connections_do_not_hold_up_the_end(data_dir: Path) -> None:
    async with serve(data_dir) as served:
        live = await served.web.live(await served.web.sign_up())
        await live.subscribe(1, "session")
        await live.until_shown(1, lambda data: data["user"]["name"] == "Alice")
        served.process.terminate()
        bye = await live.until(lambda frame: frame["op"] == "bye")
        assert (bye["reason"], bye["retry"]) == ("shutdown", True)
        await eventually(lambda: served.process.poll() is not None, within=5)
        assert served.process.returncode == 0


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_ending_it_while_it_starts_leaves_nothing(
    data_dir: Path, sign: signal.Signals
) -> None:
    served = launch(data_dir)
    try:
        await eventually(lambda: bool(served.mongods()))
        family = served.family()
        await served.end(sign)
    finally:
        served.process.kill()
        served.process.wait()
    await all_gone(family)
    assert "Traceback" not in served.printed


async def test_after_a_kill_the_next_start_takes_over_and_sessions_stand(data_dir: Path) -> None:
    async with serve(data_dir) as served:
        alice = await served.web.sign_up()
        family = served.family()
        await served.end(signal.SIGKILL)
        async with serve(data_dir) as next_one:
            assert await user_of(next_one, alice) == "Alice"
            assert not any(each.is_running for each in family)


async def test_after_a_kill_nothing_stays_behind(data_dir: Path) -> None:
    async with serve(data_dir) as served:
        family = served.family()
        await served.end(signal.SIGKILL)
        await all_gone(family)


async def test_a_taken_port_is_refused_in_words(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = await run_to_end(data_dir, "--port", str(port))
    assert ended.code == 1
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use." in ended.printed
    assert "--port" in ended.printed
    assert "Traceback" not in ended.printed


async def test_a_data_directory_in_use_is_refused_in_words(data_dir: Path) -> None:
    async with serve(data_dir) as served:
        ended = await run_to_end(data_dir)
        assert ended.code == 1
        assert f"{data_dir} is in use by another sessionwire server" in ended.printed
        assert f"(process {served.process.pid})" in ended.printed
        assert "Traceback" not in ended.printed
        async with served.web.http() as http:
            assert (await http.get("/api/auth/ok")).status_code == 200


@pytest.mark.parametrize("settings", [{}, {"secret": SECRET}], ids=["own secret", "given secret"])
async def test_an_unusable_data_directory_is_refused_in_words(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    (tmp_path / "file").write_text("")
    ended = await run_to_end(tmp_path / "file" / "data", **settings)
    assert ended.code == 1
    assert f"{tmp_path}/file" in ended.printed
    assert "--data-dir or SESSIONWIRE_DATA_DIR" in ended.printed
    assert "Traceback" not in ended.printed


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("settings", [{}, {"secret": SECRET}], ids=["own secret", "given secret"])
async def test_an_unwritable_data_directory_is_refused_in_words(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    ended = await run_to_end(tmp_path / "closed" / "data", **settings)
    assert ended.code == 1
    assert "--data-dir or SESSIONWIRE_DATA_DIR" in ended.printed
    assert "Traceback" not in ended.printed


async def test_a_refusal_says_paths_letter_by_letter(tmp_path: Path) -> None:
    """Brackets are no markup, and a long line is not broken where it could not be copied."""
    long = tmp_path / "[bold] name [" / f"] {'x' * 100}"
    long.parent.mkdir()
    long.write_text("")
    ended = await run_to_end(long)
    assert ended.code == 1
    assert str(long) in ended.printed


async def test_a_remedy_can_be_copied_from_one_line(tmp_path: Path) -> None:
    served = launch(tmp_path / "data", environment="production")
    await eventually(lambda: served.process.poll() is not None)
    command = 'python -c "import secrets; print(secrets.token_urlsafe(48))"'
    assert any(command in line for line in served.printed.splitlines())


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[str]:
    """The URI of a mongod that is no replica set."""
    data, port = tmp_path / "standalone", free_port()
    data.mkdir()
    command = [str(find_mongod(None, os.environ)), "--dbpath", str(data), "--port", str(port)]
    command += ["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield f"mongodb://127.0.0.1:{port}/"
        finally:
            process.terminate()


async def test_a_standalone_mongod_is_refused_with_an_explanation(
    data_dir: Path, standalone: str
) -> None:
    port = int(standalone.rstrip("/").rpartition(":")[2])
    await eventually(lambda: accepts(port))
    ended = await run_to_end(data_dir, mongodb_uri=standalone)
    assert ended.code == 1
    assert "MongoDB runs standalone" in ended.printed
    assert "--replSet" in ended.printed
    assert "Traceback" not in ended.printed


async def test_a_mongodb_that_is_not_there_is_refused_in_words(data_dir: Path) -> None:
    uri = f"mongodb://app:hunter2@127.0.0.1:{free_port()}/?replicaSet=none"
    ended = await run_to_end(data_dir, mongodb_uri=uri)
    assert ended.code == 1
    assert "SESSIONWIRE_MONGODB_URI" in ended.printed
    assert "hunter2" not in ended.printed
    assert "Traceback" not in ended.printed


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"environment": "production"}, "SESSIONWIRE_SECRET is not set."),
        ({"secret": "x7Kp2"}, "SESSIONWIRE_SECRET is shorter than 32 bytes."),
        ({"secret": "abab" * 12}, "SESSIONWIRE_SECRET is too easy to guess."),
        ({"secret": "changeme" + SECRET}, "SESSIONWIRE_SECRET is too easy to guess."),
        ({"environment": "production", "secret": SECRET}, "production needs https"),
        ({"environment": "staging"}, "SESSIONWIRE_ENVIRONMENT"),
        ({"secret_file": "missing"}, "SESSIONWIRE_SECRET_FILE cannot be read"),
    ],
)
async def test_insecure_or_wrong_settings_are_refused(
    data_dir: Path, settings: dict[str, str], complaint: str
) -> None:
    ended = await run_to_end(data_dir, **settings)
    assert ended.code == 1
    assert complaint in ended.printed
    assert "→" in ended.printed
    assert "Traceback" not in ended.printed
    assert SECRET not in ended.printed
    assert not (data_dir / "mongodb").exists()


async def test_the_secret_may_come_from_a_file(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    async with serve(data_dir, secret_file=str(file)) as served:
        alice = await served.web.sign_up()
        signed = alice.cookies["sessionwire.session_token"]
        assert PurposeSigner([SECRET]).verify(signed, purpose="session_token") is not None
        assert not (data_dir / "secret").exists()
