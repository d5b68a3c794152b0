from __future__ import annotations

import asyncio
import hashlib
import statistics
import time
import unicodedata

import pytest

from sessionwire.auth.passwords import Match, Passwords
from sessionwire.errors import Unavailable

pytestmark = pytest.mark.hashing


def better_auth_hash(password: str, salt: str = "0123456789abcdef" * 2) -> str:
    key = hashlib.scrypt(
        unicodedata.normalize("NFKC", password).encode(),
        salt=salt.encode(),
        n=16384,
        r=16,
        p=1,
        dklen=64,
        maxmem=128 * 16384 * 16 * 2,
    )
    return f"{salt}:{key.hex()}"


async def test_pw_01_a_new_hash_names_its_parameters_and_verifies() -> None:
    passwords = Passwords()
    stored = await passwords.hash("password1234")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(stored, "password1234") is Match.RIGHT
    assert await passwords.verify(stored, "password1235") is Match.WRONG
    assert await passwords.hash("password1234") != stored


async def test_pw_03_nothing_of_a_password_is_folded_or_cut() -> None:
    passwords = Passwords()
    stored = await passwords.hash("Pa ss\u0301word " + "x" * 100)
    for other in ("pa ss\u0301word " + "x" * 100, "Pa \u015bword " + "x" * 100, "Pa ss\u0301word"):
        assert await passwords.verify(stored, other) is Match.WRONG


async def test_a_better_auth_hash_verifies_and_is_to_be_replaced() -> None:
    passwords = Passwords()
    stored = better_auth_hash("password1234")
    assert await passwords.verify(stored, "password1234") is Match.OUTDATED
    assert await passwords.verify(stored, "password1235") is Match.WRONG


async def test_a_password_of_several_unicode_forms_keeps_its_better_auth_hash() -> None:
    passwords = Passwords()
    stored = better_auth_hash("pässword1234")
    assert await passwords.verify(stored, "pa\u0308ssword1234") is Match.RIGHT


async def test_a_better_auth_server_goes_on_writing_its_hashes() -> None:
    passwords = Passwords(scheme="scrypt")
    stored = await passwords.hash("password1234")
    salt, key = stored.split(":")
    assert (len(salt), len(key)) == (32, 128)
    assert stored == better_auth_hash("password1234", salt)
    assert await passwords.verify(stored, "password1234") is Match.RIGHT


@pytest.mark.parametrize("stored", ["", "x", ":", "0" * 32 + ":", "$argon2id$", "$argon2id$v=19$m"])
async def test_what_is_no_hash_matches_nothing(stored: str) -> None:
    assert await Passwords().verify(stored, "") is Match.WRONG


@pytest.mark.parametrize("scheme", ["argon2id", "scrypt"])
async def test_an_unknown_user_takes_as_long_as_a_wrong_password(scheme: str) -> None:
    passwords = Passwords(scheme="scrypt" if scheme == "scrypt" else "argon2id")
    stored = await passwords.hash("password1234")

    async def seconds(hash: str | None) -> float:
        start = time.thread_time() + time.perf_counter()
        assert await passwords.verify(hash, "wrong-password") is Match.WRONG
        return time.thread_time() + time.perf_counter() - start

    known, unknown = [], []
    for _ in range(9):
        known.append(await seconds(stored))
        unknown.append(await seconds(None))
    assert 0.5 < statistics.median(unknown) / statistics.median(known) < 2


async def test_pw_02_the_event_loop_runs_on_while_passwords_are_hashed() -> None:
    passwords = Passwords(concurrency=2)
    hashing = asyncio.gather(*(passwords.hash("password1234") for _ in range(10)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    await hashing
    assert turns > 100


async def test_beyond_the_queue_sign_ins_are_refused() -> None:
    passwords = Passwords(concurrency=1, queue=3)
    done = await asyncio.gather(
        *(passwords.verify(None, "x") for _ in range(5)), return_exceptions=True
    )
    assert [type(each) for each in done].count(Unavailable) == 2
    assert await passwords.verify(None, "x") is Match.WRONG
