"""Real MongoDBs that are set up wrongly, each named by the doctor."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient, WriteConcern

from doctor.examined import examined_uri
from doctor.mongods import (
    ADMIN,
    READER,
    SERVER,
    Running,
    certificate,
    guarded,
    mongod,
    replica_set,
)
from doctor.seen import bad, codes, only
from sessionwire.store.examination.journal import PROBE
from sessionwire.store.mongod import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store

DATABASE = "app"
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Broken:
    """One of each, started side by side."""

    standalone: int
    uninitiated: int
    encrypted: int
    guarded: Running
    small: Running
    """With mongod's own journal interval, all compressors, and an oplog of 1 MB."""


@pytest.fixture(scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broken]:
    room = tmp_path_factory.mktemp("broken")
    pem = certificate(room)
    found = Broken()
    async with contextlib.AsyncExitStack() as stack:

        async def start(name: str, running: Any) -> None:
            setattr(found, name, await stack.enter_async_context(running))

        tls: tuple[str, ...] = ("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(pem))
        tls += ("--tlsAllowConnectionsWithoutCertificates", "--tlsCAFile", str(pem))
        async with asyncio.TaskGroup() as group:
            for name, running in {
                "standalone": mongod(room / "standalone"),
                "uninitiated": mongod(room / "uninitiated", "--replSet", "rs0"),
                "encrypted": mongod(room / "encrypted", *tls),
                "guarded": guarded(room / "guarded", DATABASE),
                "small": replica_set(room / "small", "--oplogSize", "1", "--syncdelay", "1"),
            }.items():
                group.create_task(start(name, running))
        yield found


async def test_a_standalone_mongod_is_named_whatever_the_uri_says(broken: Broken) -> None:
    for options in ("", "?replicaSet=rs0"):
        findings = await examined_uri(f"mongodb://127.0.0.1:{broken.standalone}/{options}")
        assert codes(findings, "error") == ["standalone"]


async def test_a_set_that_was_never_initiated_is_named(broken: Broken) -> None:
    uri = f"mongodb://127.0.0.1:{broken.uninitiated}/?replicaSet=rs0"
    assert codes(await examined_uri(uri), "error") == ["set-uninitiated"]


async def test_nobody_who_listens_is_told_from_a_name_that_nobody_has() -> None:
    refused = await examined_uri(f"mongodb://127.0.0.1:{free_port()}/?replicaSet=rs0")
    unknown = await examined_uri("mongodb://no-such-host.invalid:27017/?replicaSet=rs0")
    assert codes(refused, "error") == ["mongodb-refused"]
    assert codes(unknown, "error") == ["mongodb-name-unknown"]


async def test_a_socket_in_the_file_system_and_an_ipv6_address_are_addresses_too() -> None:
    unix = await examined_uri("mongodb://%2Fno%2Fsuch%2Fmongodb.sock/")
    six = await examined_uri(f"mongodb://[::1]:{free_port()}/")
    assert codes(unix, "error") == ["mongodb-unreachable"]
    assert codes(six, "error")[0] in ("mongodb-refused", "mongodb-unreachable")  # without IPv6


async def test_a_server_that_says_nothing_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts, and nobody reads
        port = silent.getsockname()[1]
        findings = await examined_uri(f"mongodb://127.0.0.1:{port}/")
    assert codes(findings, "error") == ["mongodb-timeout"]


async def test_a_uri_that_cannot_be_read_is_shown_without_its_password() -> None:
    findings = await examined_uri("mongodb://me:pa@ss/word@127.0.0.1:port/")
    finding = only(findings, "mongodb-uri-invalid")
    assert "mongodb://me:***@127.0.0.1:port/" in finding.seen and "%40" in finding.seen
    assert "ss/" not in finding.seen and "word" not in finding.seen.partition("password")[0]


async def test_another_set_than_that_of_the_uri_is_named(mongo: EmbeddedMongo) -> None:
    uri = mongo.uri.replace("replicaSet=sessionwire", "replicaSet=other")
    finding = only(await examined_uri(uri), "set-name-differs")
    assert "replicaSet=sessionwire" in finding.remedy


async def test_a_mongod_that_speaks_tls_only_is_told_from_a_certificate_that_nobody_signed(
    broken: Broken,
) -> None:
    plain = await examined_uri(f"mongodb://127.0.0.1:{broken.encrypted}/")
    assert codes(plain, "error") == ["mongodb-tls-required"]
    unsigned = await examined_uri(f"mongodb://127.0.0.1:{broken.encrypted}/?tls=true")
    assert codes(unsigned, "error") == ["mongodb-certificate"]
    options = "tls=true&tlsAllowInvalidCertificates=true"
    reached = await examined_uri(f"mongodb://127.0.0.1:{broken.encrypted}/?{options}")
    assert codes(reached, "error") == ["standalone"]


async def test_tls_to_a_mongod_without_it_is_named(broken: Broken) -> None:
    findings = await examined_uri(f"mongodb://127.0.0.1:{broken.standalone}/?tls=true")
    assert codes(findings, "error") == ["mongodb-tls"]


async def test_a_wrong_password_is_told_from_none(broken: Broken) -> None:
    wrong = only(
        await examined_uri(broken.guarded.uri(("reader", "wrong"))), "mongodb-authentication"
    )
    none = only(await examined_uri(broken.guarded.uri()), "mongodb-authentication")
    assert "authSource" in wrong.remedy and "put one into" in none.remedy
    assert "wrong@" not in wrong.seen


async def test_a_user_who_may_only_read_lacks_what_serving_needs(broken: Broken) -> None:
    findings = await examined_uri(broken.guarded.uri(READER, options="&authSource=admin"))
    finding = only(findings, "permission-missing")
    assert "insert on app.user" in finding.seen and "createIndex" in finding.seen
    assert "find" not in finding.seen and "changeStream" not in finding.seen
    assert "reader@admin (read@app)" in finding.seen


async def test_read_write_is_enough_and_root_is_more(broken: Broken) -> None:
    enough = await examined_uri(broken.guarded.uri(SERVER, options="&authSource=admin"), write=True)
    assert codes(enough, "error") == [] and "permissions" in codes(enough, "ok")
    assert "commit-wait" in codes(enough) and "oplog-window" in codes(enough, "note")
    assert "check-unfinished" not in codes(enough)
    mighty = await examined_uri(broken.guarded.uri(ADMIN, options="&authSource=admin"))
    assert "permission-excess" in codes(mighty, "note")


async def test_another_database_than_the_users_is_refused(broken: Broken) -> None:
    uri = broken.guarded.uri(SERVER, options="&authSource=admin")
    findings = await examined_uri(uri, database="other")
    assert only(findings, "permission-missing").severity == "error"


async def test_the_journal_interval_explains_the_wait_that_a_probe_measures(
    broken: Broken,
) -> None:
    uri = broken.small.uri()
    finding = only(await examined_uri(uri, write=True), "commit-wait")
    assert finding.severity != "ok" and "journalCommitInterval is 100 ms" in finding.seen
    assert "writes of the probe" in finding.seen
    async with AsyncMongoClient[dict[str, Any]](uri) as client:
        assert PROBE not in await client[DATABASE].list_collection_names()
        try:
            await client.admin.command({"setParameter": 1, "journalCommitInterval": 2})
            quick = only(await examined_uri(uri, write=True), "commit-wait")
        finally:
            await client.admin.command({"setParameter": 1, "journalCommitInterval": 100})
    assert "journalCommitInterval is 2 ms" in quick.seen and not quick.command


async def test_the_wait_of_other_programs_is_measured_without_writing(broken: Broken) -> None:
    async with AsyncMongoClient[dict[str, Any]](broken.small.uri()) as client:
        theirs = client.get_database("theirs", write_concern=WriteConcern(w=1))["things"]

        async def write() -> None:
            while True:
                await theirs.insert_one({})
                await asyncio.sleep(0.05)

        async with asyncio.TaskGroup() as group:
            writing = group.create_task(write())
            finding = only(await examined_uri(broken.small.uri(), watch=5.0), "commit-wait")
            writing.cancel()
    assert "writes of other programs" in finding.seen
    assert "journalCommitInterval is 100 ms" in finding.seen


async def test_an_oplog_that_a_burst_runs_over_is_an_error(broken: Broken) -> None:
    async with AsyncMongoClient[dict[str, Any]](broken.small.uri()) as client:
        for _ in range(24):
            await client["theirs"]["large"].insert_many([{"x": "y" * 100_000} for _ in range(10)])
        findings = await examined_uri(broken.small.uri())
    finding = only(findings, "oplog-window")
    assert finding.severity == "error" and "an hour" in finding.seen


async def test_a_compressor_and_a_version_with_a_published_fault_are_named(
    broken: Broken,
) -> None:
    findings = await examined_uri(broken.small.uri())
    finding = only(findings, "server-vulnerable")
    assert "CVE-2025-14847" in finding.seen and finding.severity == "warning"
    assert finding.command == "mongod --networkMessageCompressors snappy,zstd …"
    assert "server-end-of-life" in bad(findings)


async def test_a_default_that_was_made_weaker_and_a_ttl_that_was_stopped_are_named(
    broken: Broken,
) -> None:
    async with AsyncMongoClient[dict[str, Any]](broken.small.uri()) as client:
        command = client.admin.command
        await command({"setDefaultRWConcern": 1, "defaultWriteConcern": {"w": 1}})
        await command({"setParameter": 1, "ttlMonitorEnabled": False})
        try:
            findings = await examined_uri(broken.small.uri())
        finally:
            await command({"setParameter": 1, "ttlMonitorEnabled": True})
            majority = {"w": "majority"}
            await command({"setDefaultRWConcern": 1, "defaultWriteConcern": majority})
    assert "default-concerns" in codes(findings, "note") and "ttl-off" in bad(findings)


async def test_members_that_are_away_are_named(broken: Broken) -> None:
    """The second has no vote, so that the first stays primary without it."""
    gone = {"_id": 1, "host": f"127.0.0.1:{free_port()}", "votes": 0, "priority": 0}
    async with AsyncMongoClient[dict[str, Any]](broken.small.uri()) as client:
        config = (await client.admin.command("replSetGetConfig"))["config"]
        alone = config["members"]
        changed = {**config, "version": config["version"] + 1, "members": [*alone, gone]}
        await client.admin.command("replSetReconfig", changed)
        try:
            findings = await examined_uri(broken.small.uri())
        finally:
            config = (await client.admin.command("replSetGetConfig"))["config"]
            restored = {**config, "version": config["version"] + 1, "members": alone}
            await client.admin.command("replSetReconfig", restored)
    assert "member-silent" in bad(findings) and "majority-lost" not in codes(findings)


async def test_nothing_is_wrong_with_the_database_of_a_server(
    store: Store, settings: Settings, mongo: EmbeddedMongo
) -> None:
    findings = await examined_uri(mongo.uri, database=settings.database)
    assert codes(findings, "error") == [] and "indexes" in codes(findings, "ok")
    assert {"clock-skew", "permissions", "contents", "oplog-window"} <= set(codes(findings, "ok"))
    assert "check-unfinished" not in codes(findings)


async def test_missing_weaker_and_changed_indexes_are_named_with_their_commands(
    store: Store, settings: Settings, mongo: EmbeddedMongo
) -> None:
    database = store.client[settings.database]
    await database["member"].drop_index("member_userId_idx")
    await database["session"].drop_index("session_token_uidx")
    await database["session"].create_index([("token", 1)], name="token_plain")
    await database["session"].drop_index("session_expiresAt_ttl")
    await database["session"].create_index(
        [("expiresAt", 1)], name="late", expireAfterSeconds=86_400
    )
    await database["invitation"].drop_index("invitation_email_idx")
    await database["invitation"].create_index([("email", 1)], name="theirs")
    findings = await examined_uri(mongo.uri, database=settings.database)
    assert "createIndex({userId: 1}" in only(findings, "index-missing").command
    assert 'dropIndex("token_plain")' in only(findings, "index-not-unique").command
    assert "86400 s" in only(findings, "index-expiry").seen
    assert "theirs" in only(findings, "index-other").seen


async def test_values_that_keep_a_unique_index_from_being_made_are_counted(
    store: Store, settings: Settings, mongo: EmbeddedMongo
) -> None:
    users = store.client[settings.database]["user"]
    await users.drop_index("user_email_uidx")
    await users.insert_many([{"email": "twice@example.com"}, {"email": "twice@example.com"}])
    findings = await examined_uri(mongo.uri, database=settings.database)
    assert only(findings, "index-duplicates").seen.startswith("1 values of user.email")


async def test_data_that_would_surprise_are_counted(
    store: Store, settings: Settings, mongo: EmbeddedMongo
) -> None:
    database = store.client[settings.database]
    now, ids = datetime.now(UTC), [ObjectId() for _ in range(4)]
    set_up = {"onboardedAt": now, "createdAt": now}
    await database["user"].insert_many(
        [
            {"_id": ids[0], "email": "a@example.com", "activeOrganizationId": "x", **set_up},
            {"_id": ids[1], "email": "A@example.com", **set_up},
            {"_id": ids[2], "email": "b@example.com", "createdAt": now - timedelta(hours=1)},
            {"_id": ids[3], "email": "c@example.com", "image": "x" * 1_200_000, **set_up},
        ]
    )
    await database["session"].insert_many(
        [
            {"token": "endless", "userId": ids[0]},
            {"token": "orphan", "userId": ObjectId(), "expiresAt": now + timedelta(days=1)},
        ]
    )
    rooms: list[dict[str, Any]] = [
        {"_id": ObjectId(), "name": "A's workspace", "slug": str(n)} for n in range(2)
    ]
    await database["organization"].insert_many(rooms)
    owner = {"userId": ids[0], "role": "owner"}
    await database["member"].insert_many(
        [{"organizationId": each["_id"], **owner} for each in (*rooms, {"_id": ObjectId()})]
    )
    findings = await examined_uri(mongo.uri, database=settings.database)
    assert {
        "email-case", "member-without-organization", "user-not-onboarded",
        "session-without-expiry", "large-user",
    } <= bad(findings)  # fmt: skip
    assert {"user-without-active", "several-workspaces", "session-without-user"} <= set(
        codes(findings, "note")
    )
    for each in findings:
        assert "example.com" not in each.seen + each.remedy, "the doctor reads nobody's data out"
