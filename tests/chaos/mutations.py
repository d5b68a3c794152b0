"""Breaks the server on purpose, once for each invariant, and sees the invariant's test fail.

`scripts/chaos mutations` runs it; names of mutations as arguments select some. A test that does not
fail on its mutation is worth nothing, and is reported as SURVIVED.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MUTATIONS", "ROOT", "Mutation", "apply"]

ROOT = Path(__file__).parents[2]
_COPIED = ("server", "tests", "client_js/src", "pyproject.toml", "README.md")
_TEST_SECONDS = 600
_AT_ONCE = 2


@dataclass(frozen=True)
class Mutation:
    """One line of the server that is wrong, and the test that has to say so."""

    invariant: str
    says: str
    file: str
    right: str
    wrong: str
    test: str
    seconds: str = "6"


_RELAY, _HUB = "server/sessionwire/relay.py", "server/sessionwire/reactive/hub.py"
_OUTBOX, _FEED = "server/sessionwire/reactive/outbox.py", "server/sessionwire/store/feed.py"
_CURSOR = "server/sessionwire/store/cursor.py"
_CONNECTION = "server/sessionwire/gateways/connection.py"

MUTATIONS = (
    Mutation(
        "I1", "of several changes only the first is applied", _HUB,
        "        for group in groups:\n            touched = self.replica.apply(",
        "        for group in list(groups)[:1]:\n            touched = self.replica.apply(",
        "test_stream.py::test_i01_of_many_changes_at_once_each_is_shown",
    ),
    Mutation(
        "I1b", "a switch of the organization changes no more than a name does",
        "server/sessionwire/reactive/builtin.py",
        '_DECISIVE = frozenset({"banned", "activeOrganizationId"})',
        '_DECISIVE = frozenset({"banned"})',
        "test_stream.py::test_i01_of_many_changes_at_once_each_is_shown",
    ),
    Mutation(
        "I2", "no barrier: an answer older than `since` is given", _OUTBOX,
        "or watch.result is None or subscription.since > position:", "or watch.result is None:",
        "test_versions.py::test_i02_a_process_that_stays_behind_says_so_and_shows_nothing",
    ),
    Mutation(
        "I3", "loads read what has no majority, and not as of the position",
        "server/sessionwire/store/load.py",
        '"readConcern": {"level": "snapshot", "atClusterTime": to_timestamp(version)},',
        '"readConcern": {"level": "local"},',
        "test_replica_set.py::test_i03_what_is_rolled_back_was_never_shown",
    ),
    Mutation(
        "I4", "a load is stamped with the position at which it arrives", _RELAY,
        "            await self._supply(load)\n",
        "            late = self.hub.position\n"
        "            await self._supply(type(load)(late, load.epoch, load.documents, load.sets))\n",
        "test_stream.py::test_i04_nothing_is_lost_between_the_read_and_the_stream",
    ),
    Mutation(
        "I5", "only first answers are sent", _HUB,
        "if changed or not subscription.answered:", "if not subscription.answered:",
        "test_stream.py::test_i05_whatever_is_written_after_the_first_answer_is_told",
    ),
    Mutation(
        "I6", "the page takes an older result for news", "client_js/src/subscription.js",
        "  if (version < (base.version ?? '') && !isUndecided) return true;", "",
        "test_versions.py::test_i06_a_frame_that_is_repeated_swapped_or_lost_never_takes_the_page_back",
    ),
    Mutation(
        "I7", "events that were applied are applied again",
        "server/sessionwire/reactive/replica.py",
        "if self.position is None or group.version <= self.position:",
        "if self.position is None:",
        "test_versions.py::test_i07_events_that_are_told_again_show_nothing_again",
    ),
    Mutation(
        "I8", "whoever presents a tag is told that nothing changed", _OUTBOX,
        "unchanged = not pushed and subscription.tag == watch.result.tag",
        "unchanged = not pushed and subscription.tag is not None",
        "test_versions.py::test_i08_a_client_that_comes_back_is_resumed_or_told_anew_and_knows_which",
    ),
    Mutation(
        "I9", "after lost history nothing is loaded anew", _RELAY,
        "                    self._begin_anew(version)\n",
        "                    self.hub.restart(version) if self.hub.position == 0 else None\n",
        "test_stream.py::test_i09_lost_history_costs_a_reload_and_no_restart",
    ),
    Mutation(
        "I10", "only events move the resume token", _FEED,
        "        self._token = cursor.token\n        return Advanced(",
        '        self._token = events[-1]["_id"] if events else self._token\n'
        "        return Advanced(",
        "test_stream.py::test_i10_a_quiet_stream_goes_on_after_its_history_is_gone",
    ),
    Mutation(
        "I11", "a token that cannot be resumed from is kept", _FEED,
        "        self._token, self._breaks, self._beyond = None, 0, True",
        "        self._breaks = 0",
        "test_stream.py::test_i11_an_event_too_large_to_be_told_is_passed_and_what_it_changed_is_read",
    ),
    Mutation(
        "I12", "a dropped collection changes nothing", "server/sessionwire/store/decode.py",
        '            case "drop":\n                return (Dropped(collection),)',
        '            case "drop":\n                return ()',
        "test_stream.py::test_i12_what_is_dropped_is_shown_as_gone_and_what_is_made_anew_is_shown",
    ),
    Mutation(
        "I13", "a revocation is not followed", "server/sessionwire/gateways/live/standing.py",
        "        if identity.ended is not None:\n            return identity.ended\n", "",
        "test_sessions.py::test_i13_an_ended_session_is_closed_at_once_with_a_reason_and_told_nothing_more",
    ),
    Mutation(
        "I13b", "in doubt a session is vouched for", "server/sessionwire/gateways/live/standing.py",
        "        if not self._hub.verifiable:\n", "        if self._hub.verifiable is None:\n",
        "test_sessions.py::test_i13_while_the_stream_is_down_the_server_says_stale_and_then_closes_in_doubt",
    ),
    Mutation(
        "I14", "results are kept for a query, whoever asks", _HUB,
        "        key = (query.name, viewer, encode_args(args))\n",
        "        key = (query.name, Viewer(None), encode_args(args))\n",
        "test_isolation.py::test_i14_no_canary_of_two_hundred_users_ever_crosses",
    ),
    Mutation(
        "I15", "each event of a transaction is a moment of its own",
        "server/sessionwire/store/grouping.py",
        "            if seen.version != self._version:\n", "            if True:\n",
        "test_isolation.py::test_i15_user_organization_and_role_are_of_one_moment_while_the_stream_breaks",
    ),
    Mutation(
        "I16", "a read does not wait for the version that it names", _RELAY,
        "        if self.live and self.hub.position >= since:\n", "        if self.live:\n",
        "test_isolation.py::test_i16_what_was_written_is_read_through_whichever_process",
    ),
    Mutation(
        "I16b", "an answer over HTTP is given again though the session has changed",
        "server/sessionwire/gateways/auth/held.py",
        "return held if watch.result.changed_at == held.changed_at else None", "return held",
        "../gateways/test_held.py",
    ),
    Mutation(
        "I17", "without an answer of the database nobody is signed in", _RELAY,
        '            raise Unavailable("The database did not answer in time.") from None\n',
        '            return Reading(None, b"null", self.hub.position, self.hub.position)\n',
        "test_sessions.py::test_i17_an_outage_is_never_nobody_and_never_somebody",
    ),
    Mutation(
        "I18", "whoever does not read is waited for a moment", _CONNECTION,
        "        if live.paused:\n            self._stall(live)\n            if wire.over",
        "        if live.paused:\n            time.sleep(0.05)\n            self._stall(live)\n"
        "            if wire.over",
        "test_readers.py::test_i18_who_does_not_read_delays_nobody",
    ),
    Mutation(
        "I19", "whoever does not read is kept", _CONNECTION,
        "loop.call_later(self._deadline, self._evict, live)",
        "loop.call_later(self._deadline + 3600, self._evict, live)",
        "test_readers.py::test_i19_who_does_not_read_is_bounded_and_then_cut",
    ),
    Mutation(
        "I20", "nobody is pinged", "server/sessionwire/gateways/pulse.py",
        "    for member in members:\n        member.beat()\n", "",
        "test_readers.py::test_i20_a_process_that_stands_still_is_freed",
    ),
    Mutation(
        "I21", "every key is loaded by itself", _RELAY, "_NEEDS = 4_000", "_NEEDS = 1",
        "test_storm.py",
    ),
    Mutation(
        "I22", "all are to come back at the same moment", _CONNECTION,
        "    return int(random.uniform(0, _RETURN_SPREAD) * 1000)\n", "    return 0\n",
        "test_lifecycle.py::test_i22_a_stop_says_goodbye_to_everybody_and_ends_in_time",
    ),
    Mutation(
        "I23", "what was begun is taken for done", "server/sessionwire/auth/onboarding.py",
        "    await _insert(writing, \"member\", owner)\n",
        "    if not await _insert(writing, \"member\", owner):\n        return\n",
        "../auth/test_onboarding.py::test_a_crash_at_any_step_is_made_good",
    ),
    Mutation(
        "I24", "timers of sessions ignore the wall clock",
        "server/sessionwire/gateways/live/standing.py",
        "        expired = identity.expires_at is not None and identity.expires_at <= wall\n",
        "        expired = False\n",
        "test_setup.py::test_i24_a_clock_that_is_set_neither_ends_sessions_nor_revives_them",
    ),
    Mutation(
        "I25", "a read waits for the database as long as it takes", _RELAY,
        "            async with asyncio.timeout(self.limits.read_deadline):\n"
        "                if not self.live:",
        "            async with asyncio.timeout(60):\n                if not self.live:",
        "test_sessions.py::test_i25_an_outage_is_told_within_its_bounds_and_over_when_it_is_over",
    ),
    Mutation(
        "I26", "the resume token is ignored", _CURSOR,
        'start = {"startAfter": token} if token else {"startAtOperationTime": first}',
        'start = {"startAtOperationTime": first}',
        "test_replica_set.py::test_i26_what_is_written_while_the_stream_is_away_is_told_by_resuming",
    ),
    Mutation(
        "I26b", "the driver, who knows the primary, is never asked again", _CURSOR,
        "_BY_DRIVER = 1.0\n", "_BY_DRIVER = 1e9\n",
        "test_partitions.py::test_i26_a_primary_that_only_clients_reach_is_left_for_the_new_one",
    ),
    Mutation(
        "I27", "a close between fragments is an error", "server/sessionwire/gateways/socket.py",
        "        if frame.opcode is Opcode.CLOSE:\n            self.current_size = None\n", "",
        "test_autobahn.py",
    ),
    Mutation(
        "I28", "subscriptions outlive their connection", _HUB,
        "        for id in list(outbox.subscriptions):\n            self.unsubscribe(outbox, id)\n",
        "",
        "test_leaks.py::test_i28_connections_of_every_kind_leave_nothing_behind",
    ),
    Mutation(
        "I28b", "a connection that was left is remembered, and what it was about", _HUB,
        "        self._outboxes.discard(outbox)\n",
        "        self._outboxes.discard(outbox)\n"
        '        self.__dict__.setdefault("left", []).append(outbox)\n',
        "test_leaks.py::test_i28_connections_of_every_kind_leave_nothing_behind",
    ),
)  # fmt: skip


def apply(mutation: Mutation, root: Path) -> None:
    """Write the wrong line. Raises ValueError where the right one is not there exactly once."""
    path = root / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.right) != 1:
        raise ValueError(f"{mutation.invariant}: {mutation.file} has changed")
    path.write_text(text.replace(mutation.right, mutation.wrong), encoding="utf-8")


def _run(test: str, root: Path, seconds: str) -> tuple[int, str]:
    """pytest's exit code in a copy of the project, and the end of what it said."""
    given = {"SESSIONWIRE_CHAOS_SECONDS": seconds, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=line"]
    done = subprocess.run(
        [*command, "--show-capture=no", os.path.normpath(f"tests/chaos/{test}")],
        cwd=root, env={**os.environ, **given, "PYTHONPATH": f"{root}/server"},
        capture_output=True, text=True, timeout=_TEST_SECONDS,
    )  # fmt: skip
    return done.returncode, done.stdout[-2_000:]


def _try(mutation: Mutation) -> str:
    """ "caught" when the test fails, as it has to."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for each in _COPIED:
            source, target = ROOT / each, root / each
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "node_modules")
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy(source, target)
        apply(mutation, root)
        try:
            code, said = _run(mutation.test, root, mutation.seconds)
        except subprocess.TimeoutExpired:
            code, said = -1, "it did not end"
    verdict = {0: "SURVIVED", 1: "caught"}.get(code, f"ERROR {code}\n{said}")
    took = time.monotonic() - began
    print(f"{mutation.invariant:5} {verdict:9} {took:5.0f} s  {mutation.says}", flush=True)  # noqa: T201
    return verdict


def main(names: list[str]) -> int:
    """0 when every chosen mutation was caught."""
    chosen = [each for each in MUTATIONS if not names or each.invariant in names]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        verdicts = list(pool.map(_try, chosen))
    caught = verdicts.count("caught")
    print(f"{caught} of {len(chosen)} mutations caught")  # noqa: T201
    return int(caught < len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
