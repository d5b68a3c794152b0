"""What a MongoDB means, by facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from doctor.seen import bad, codes, only
from sessionwire.doctor.judgement.contents import judge_access, judge_contents, judge_indexes
from sessionwire.doctor.judgement.deployment import (
    judge_concerns,
    judge_members,
    judge_options,
    judge_release,
)
from sessionwire.doctor.judgement.reach import judge_place, judge_reach
from sessionwire.doctor.judgement.timing import judge_clock, judge_commits, judge_oplog
from sessionwire.store.examination.access import grants
from sessionwire.store.examination.facts import (
    Access,
    Clock,
    Commits,
    Concerns,
    Contents,
    Index,
    Indexes,
    Members,
    Node,
    Oplog,
    Reach,
    Release,
    UriOptions,
)
from sessionwire.store.examination.place import Place
from sessionwire.store.examination.reach import without_password

TODAY = date(2026, 11, 28)
NOW = datetime(2026, 11, 28, tzinfo=UTC)
MEMBER = Node("db:27017", kind="member", set_name="rs0", primary="db:27017", max_wire=21)
GOOD = Reach("mongodb://db/", nodes=(MEMBER,), wanted_set="rs0", round_trip_ms=1.0)
THREE = Members("rs0", ("a:1", "b:1", "c:1"), (), "a:1", ())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("dns", "mongodb-name-unknown"),
        ("refused", "mongodb-refused"),
        ("timeout", "mongodb-timeout"),
        ("certificate", "mongodb-certificate"),
        ("tls", "mongodb-tls"),
        ("tls-required", "mongodb-tls-required"),
        ("other", "mongodb-unreachable"),
    ],
)
def test_each_way_of_not_answering_has_a_remedy_of_its_own(fault: Any, code: str) -> None:
    reach = Reach("mongodb://db:1/", nodes=(Node("db:1", fault, "so it said"),))
    (finding,) = judge_reach(reach)
    assert (finding.code, finding.severity) == (code, "error")
    assert "so it said" in finding.seen and finding.remedy


def test_a_good_reach_is_ok_and_a_far_one_a_warning() -> None:
    assert codes(judge_reach(GOOD)) == ["mongodb-reachable"] and bad(judge_reach(GOOD)) == set()
    assert bad(judge_reach(replace(GOOD, round_trip_ms=80.0))) == {"mongodb-reachable"}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"uri_fault": "no port"}, "mongodb-uri-invalid"),
        ({"nodes": (Node("db:1", kind="standalone", max_wire=21),)}, "standalone"),
        ({"nodes": (Node("db:1", kind="uninitiated", max_wire=21),)}, "set-uninitiated"),
        ({"nodes": (replace(MEMBER, max_wire=9),)}, "server-too-old"),
        ({"wanted_set": "rs9"}, "set-name-differs"),
        ({"auth_fault": "code 18"}, "mongodb-authentication"),
        ({"selection_fault": "none", "nodes": (replace(MEMBER, primary=None),)}, "no-primary"),
        ({"nodes": (MEMBER, Node("x:1", "refused"))}, "mongodb-seed-silent"),
    ],
)
def test_the_step_that_failed_is_named_and_no_other(changed: dict[str, Any], code: str) -> None:
    assert bad(judge_reach(replace(GOOD, **changed))) == {code}


def test_a_primary_that_is_known_but_not_reached_is_told_from_none() -> None:
    (finding,) = judge_reach(replace(GOOD, selection_fault="timeout", round_trip_ms=None))
    assert "rs.conf()" in finding.remedy and "db:27017" in finding.seen


def test_a_uri_is_shown_without_its_password() -> None:
    for uri in ("mongodb://me:s3cret@h/", "mongodb://me:s3@cret@h/", "mongodb+srv://me:s3cret@h/"):
        shown = without_password(uri)
        assert "cret" not in shown and "s3" not in shown and shown.endswith("@h/")
    option = "mongodb://h/?tls=true&tlsCertificateKeyFilePassword=s3cret&w=1"
    assert without_password(option).endswith("Password=***&w=1")


def test_each_place_says_which_mongodb_was_looked_at() -> None:
    for kind in ("given", "running", "started", "trial"):
        place = Place("mongodb://h/", kind)
        assert codes(judge_place(place, "mongodb://h/")) == ["mongodb-place"]


def release_findings(version: tuple[int, int, int], *compressors: str, **more: Any) -> Any:
    release = Release(version, f"{version[0]}.{version[1]}", compressors)
    options = {"today": TODAY, "loopback": False, "embedded": False, **more}
    return list(judge_release(release, **options))


def test_a_patched_version_is_ok() -> None:
    assert bad(release_findings((8, 0, 24), "zlib")) == set()
    assert codes(release_findings((8, 0, 24)))[0] == "server-version"


@pytest.mark.parametrize(
    ("version", "compressors", "named"),
    [
        ((6, 0, 26), ("snappy", "zlib"), True),
        ((6, 0, 27), ("snappy", "zlib"), False),
        ((6, 0, 5), ("snappy", "zstd"), False),
        ((8, 2, 2), ("zlib",), True),
        ((8, 2, 3), ("zlib",), False),
        ((8, 1, 9), ("zlib",), True),
        ((4, 2, 25), ("zlib",), True),
        ((8, 3, 0), ("zlib",), False),
    ],
)
def test_the_memory_of_a_mongod_can_be_read_through_zlib_before_the_fix(
    version: Any, compressors: tuple[str, ...], named: bool
) -> None:
    found = [each.seen for each in release_findings(version, *compressors)]
    assert any("CVE-2025-14847" in each for each in found) is named


def test_a_published_fault_is_an_error_unless_only_this_machine_reaches_it() -> None:
    far = only(release_findings((7, 0, 34)), "server-vulnerable")
    near = only(release_findings((7, 0, 34), loopback=True), "server-vulnerable")
    assert (far.severity, near.severity) == ("error", "warning")
    assert "CVE-2026-9740" in far.seen and "7.0.35" in far.remedy and "https://" in far.remedy


def test_an_ended_branch_is_a_warning_and_of_the_embedded_one_a_note() -> None:
    assert "server-end-of-life" in bad(release_findings((6, 0, 27)))
    embedded = only(release_findings((6, 0, 27), embedded=True), "server-end-of-life")
    assert embedded.severity == "note"


def test_a_feature_version_that_stayed_behind_is_a_note() -> None:
    release = Release((8, 0, 24), "7.0", ())
    found = judge_release(release, today=TODAY, loopback=True, embedded=False)
    assert only(found, "feature-version").severity == "note"


def members_bad(members: Members) -> set[str]:
    return bad(judge_members(members, embedded=False))


def test_a_set_of_three_is_ok_and_of_one_a_note() -> None:
    assert codes(judge_members(THREE, embedded=False), "ok") == ["replica-set"]
    one = replace(THREE, data=("a:1",))
    assert codes(judge_members(one, embedded=False), "note") == ["replica-set"]
    assert codes(judge_members(one, embedded=True), "ok") == ["replica-set"]
    assert codes(judge_members(None, embedded=False), "ok") == ["replica-set"]


def test_a_silent_member_is_a_warning_and_a_majority_that_stands_still_an_error() -> None:
    assert members_bad(replace(THREE, silent=("b:1",))) == {"member-silent"}
    assert members_bad(replace(THREE, majority_lag=30.0)) == {"majority-lost"}


def test_with_an_arbiter_one_silent_member_stops_the_majority() -> None:
    members = Members("rs0", ("a:1", "b:1"), ("c:1",), "a:1", ("b:1",))
    assert members_bad(members) == {"majority-lost"}


def test_an_arbiter_is_told_of() -> None:
    members = Members("rs0", ("a:1", "b:1"), ("c:1",), "a:1", ())
    assert "arbiter" in only(judge_members(members, embedded=False), "replica-set").remedy


def test_a_weaker_default_of_the_cluster_is_a_note() -> None:
    assert codes(judge_concerns(Concerns("majority", "local")), "ok") == ["default-concerns"]
    assert codes(judge_concerns(Concerns("1", "local")), "note") == ["default-concerns"]
    assert list(judge_concerns(Concerns(None, None))) == []


@pytest.mark.parametrize(
    ("options", "members", "severity"),
    [
        (UriOptions(direct=True), 3, "error"),
        (UriOptions(retry_writes=False), 3, "warning"),
        (UriOptions(invalid_certificates=True), 3, "warning"),
        (UriOptions(write="1"), 3, "note"),
        (UriOptions(read_preference="secondary"), 3, "note"),
        (UriOptions(compressors=("zlib",)), 3, "note"),
    ],
)
def test_options_of_the_uri_are_judged(options: UriOptions, members: int, severity: str) -> None:
    assert only(judge_options(options, members=members), "uri-option").severity == severity


def test_options_that_do_no_harm_are_not_mentioned() -> None:
    assert list(judge_options(UriOptions(direct=True, write="majority"), members=1)) == []


def test_another_machine_needs_a_user_and_tls() -> None:
    far = UriOptions(loopback=False)
    assert bad(judge_options(far, members=3)) == {"no-authentication", "connection-plain"}
    good = UriOptions(loopback=False, credentials=True, tls=True)
    assert list(judge_options(good, members=3)) == []


@pytest.mark.parametrize(
    ("offset", "uncertainty", "severity"),
    [
        (0.003, 0.001, "ok"),
        (-1.9, 0.001, "ok"),
        (-3.0, 0.001, "warning"),
        (3.0, 2.0, "ok"),
        (75.0, 0.001, "error"),
        (-3600.0, 0.5, "error"),
    ],
)
def test_a_skew_counts_less_its_uncertainty(
    offset: float, uncertainty: float, severity: str
) -> None:
    (finding,) = judge_clock(Clock(offset, uncertainty, 0.0))
    assert (finding.code, finding.severity) == ("clock-skew", severity)


def test_a_cluster_time_that_ran_ahead_is_an_error_although_the_clocks_agree() -> None:
    assert bad(judge_clock(Clock(0.0, 0.001, 90.0))) == {"cluster-time-ahead"}
    assert bad(judge_clock(Clock(0.0, 0.001, 2.0))) == set()
    assert bad(judge_clock(Clock(90.0, 0.001, 90.0))) == {"clock-skew"}


def oplog(span: timedelta, used: int | None, limit: int | None = 1_000_000) -> Any:
    (finding,) = judge_oplog(Oplog(NOW - span, NOW, NOW, used, limit))
    assert finding.code == "oplog-window"
    return finding


def test_a_full_oplog_reaches_back_as_far_as_it_does() -> None:
    assert oplog(timedelta(hours=30), 1_000_000).severity == "ok"
    assert oplog(timedelta(hours=5), 950_000).severity == "warning"
    short = oplog(timedelta(minutes=4), 1_000_000)
    assert short.severity == "error" and "an hour" in short.seen
    assert "replSetResizeOplog" in short.command


def test_an_oplog_that_is_filling_is_judged_by_its_rate() -> None:
    assert oplog(timedelta(hours=2), 100_000).severity == "warning"  # 20 hours when full
    assert oplog(timedelta(hours=12), 100_000).severity == "ok"


def test_a_young_oplog_says_nothing_yet() -> None:
    assert oplog(timedelta(seconds=5), 300_000).severity == "ok"


def test_an_oplog_that_may_not_be_read_is_a_note() -> None:
    assert codes(judge_oplog(None), "note") == ["oplog-window"]
    assert oplog(timedelta(hours=2), None, None).severity == "warning"


@pytest.mark.parametrize(
    ("waits", "interval", "severity"),
    [
        ((1.7, 2.0), 2, "ok"),
        ((86.0, 92.0, 101.0), 100, "note"),
        ((900.0,), 2, "warning"),
        ((), 2, "ok"),
        ((), 100, "note"),
        ((), None, "note"),
    ],
)
def test_the_wait_of_other_programs_writes_is_explained(
    waits: tuple[float, ...], interval: int | None, severity: str
) -> None:
    (finding,) = judge_commits(Commits(interval, waits, probed=False))
    assert (finding.code, finding.severity) == ("commit-wait", severity)


def test_a_measured_wait_is_in_the_finding_with_the_interval_and_the_remedy() -> None:
    (finding,) = judge_commits(Commits(100, (80.0, 92.0, 101.0), probed=True))
    assert "92.0 ms" in finding.seen and "journalCommitInterval is 100 ms" in finding.seen
    assert "journalCommitInterval: 2" in finding.command


def test_a_wait_in_spite_of_a_short_interval_is_laid_to_the_machine() -> None:
    (finding,) = judge_commits(Commits(2, (60.0,), probed=True))
    assert finding.severity == "note" and not finding.command and "disk" in finding.remedy


def test_a_probe_that_failed_is_a_warning() -> None:
    failed = Commits(100, (), probed=True, fault="not authorized")
    assert bad(judge_commits(failed)) == {"commit-probe-failed"}


READ_WRITE = [
    {
        "resource": {"db": "app", "collection": ""},
        "actions": ["find", "insert", "update", "remove", "createIndex", "changeStream"],
    }
]


def test_privileges_cover_by_database_and_collection() -> None:
    assert grants(READ_WRITE, "insert", "app", "user")
    assert not grants(READ_WRITE, "insert", "other", "user")
    assert not grants(READ_WRITE, "collMod", "app", "user")
    one = [{"resource": {"db": "app", "collection": "user"}, "actions": ["find"]}]
    assert grants(one, "find", "app", "user") and not grants(one, "find", "app", "")
    assert grants([{"resource": {"anyResource": True}, "actions": ["find"]}], "find", "a", "b")
    assert not grants([{"resource": {"cluster": True}, "actions": ["find"]}], "find", "a", "b")


def test_missing_permissions_are_named_with_the_grant() -> None:
    access = Access("me@admin", ("read@app",), (("insert", "app.user"), ("insert", "app.x")), ())
    finding = only(judge_access(access, database="app"), "permission-missing")
    assert "insert on app.user and 1 more" in finding.seen
    assert 'grantRolesToUser("me", [{role: "readWrite", db: "app"}])' in finding.command


def test_a_refused_read_is_an_error_and_too_much_power_a_note() -> None:
    refused = Access("me@admin", ("a@b",), (), (("find in app.user", "code 13"),))
    assert bad(judge_access(refused, database="app")) == {"permission-missing"}
    mighty = Access("me@admin", ("root@admin",), (), ())
    assert codes(judge_access(mighty, database="app")) == ["permissions", "permission-excess"]


def index(**changed: Any) -> Index:
    return replace(Index("user", "email", "user_email_uidx", True, None, "there"), **changed)


@pytest.mark.parametrize(
    ("seen", "code", "severity"),
    [
        (index(), "indexes", "ok"),
        (index(state="absent"), "index-missing", "note"),
        (index(state="missing"), "index-missing", "warning"),
        (index(state="missing", unique=False), "index-missing", "note"),
        (index(state="weaker", found="email_1"), "index-not-unique", "error"),
        (index(state="missing", duplicates=2), "index-duplicates", "error"),
        (index(state="different", expires=0, unique=False), "index-expiry", "warning"),
        (index(state="other", found="email_1"), "index-other", "note"),
    ],
)
def test_each_state_of_an_index_is_a_finding(seen: Index, code: str, severity: str) -> None:
    (finding,) = judge_indexes(Indexes((seen,)))
    assert (finding.code, finding.severity) == (code, severity)


def test_the_command_for_a_missing_index_makes_it() -> None:
    (finding,) = judge_indexes(Indexes((index(state="missing"),)))
    assert 'createIndex({email: 1}, {name: "user_email_uidx", unique: true})' in finding.command


def test_a_ttl_monitor_that_is_off_is_a_warning() -> None:
    assert bad(judge_indexes(Indexes((index(),), ttl_off=True))) == {"ttl-off"}


@pytest.mark.parametrize(
    ("changed", "code", "severity"),
    [
        ({"same_email": 2}, "email-case", "warning"),
        ({"members_without_organization": 1}, "member-without-organization", "warning"),
        ({"users_without_active": 4}, "user-without-active", "note"),
        ({"not_onboarded": 1}, "user-not-onboarded", "warning"),
        ({"several_workspaces": 1}, "several-workspaces", "note"),
        ({"endless_sessions": 1}, "session-without-expiry", "warning"),
        ({"orphan_sessions": 1}, "session-without-user", "note"),
        ({"largest_user": 2_000_000}, "large-user", "warning"),
        ({"largest_user": 9_000_000}, "large-user", "error"),
    ],
)
def test_data_that_would_surprise_is_named(
    changed: dict[str, Any], code: str, severity: str
) -> None:
    (finding,) = judge_contents(Contents(5_000, users=10, sessions=10, **changed))
    assert (finding.code, finding.severity) == (code, severity)


def test_ordinary_data_is_ok_and_what_was_not_counted_is_said() -> None:
    assert codes(judge_contents(Contents(5_000, users=3, sessions=0))) == ["contents"]
    slow = Contents(5_000, cut_short=("same_email",))
    assert codes(judge_contents(slow)) == ["contents", "contents-unfinished"]
