"""How far the URI led, and what stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwire.doctor.finding import Finding, Severity, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.store.examination.facts import Node, Reach
    from sessionwire.store.examination.place import Place

__all__ = ["judge_place", "judge_reach"]

_FIRST_SNAPSHOT_WIRE = 13
"""MongoDB 5.0, which reads as of a cluster time."""
_FAR_MS = 20.0

_BY_FAULT: dict[str, tuple[str, str, str]] = {
    # fault → code, remedy, command
    "dns": (
        "mongodb-name-unknown",
        "Correct the host in SESSIONWIRE_MONGODB_URI, or the DNS entry.",
        "getent hosts {host}",
    ),
    "refused": (
        "mongodb-refused",
        "Start MongoDB there, let it listen on this address (net.bindIp), or correct the port.",
        "nc -vz {host} {port}",
    ),
    "timeout": (
        "mongodb-timeout",
        "Open the firewall, the security group or Atlas's IP access list between the two.",
        "nc -vz {host} {port}",
    ),
    "certificate": (
        "mongodb-certificate",
        "Name the authority that signed it with tlsCAFile=…, or use the host in the certificate.",
        "openssl s_client -connect {host}:{port} -showcerts </dev/null",
    ),
    "tls": (
        "mongodb-tls",
        "If MongoDB speaks no TLS there, take tls=true out of the URI; else see its log.",
        "openssl s_client -connect {host}:{port} </dev/null",
    ),
    "tls-required": (
        "mongodb-tls-required",
        "Add tls=true to the options of SESSIONWIRE_MONGODB_URI.",
        "openssl s_client -connect {host}:{port} </dev/null",
    ),
    "other": (
        "mongodb-unreachable",
        "See MongoDB's log, and that the port is a MongoDB's.",
        "mongosh --eval 'db.hello()' mongodb://{host}:{port}/",
    ),
}

_PLACES = {
    "given": (Severity.OK, "The MongoDB of SESSIONWIRE_MONGODB_URI: {shown}"),
    "running": (Severity.OK, "The embedded MongoDB of a server that runs: {shown}"),
    "started": (Severity.NOTE, "The embedded MongoDB over data_dir, started for this examination."),
    "trial": (
        Severity.NOTE,
        "There is no data yet: an embedded MongoDB was started over a directory that goes away.",
    ),
}


def judge_place(place: Place, shown: str) -> Iterator[Finding]:
    severity, said = _PLACES[place.kind]
    yield found("mongodb-place", severity, said.format(shown=shown))


def judge_reach(reach: Reach) -> Iterator[Finding]:
    """One finding for the step that failed; what comes after it was not tried."""
    if reach.uri_fault is not None:
        yield found(
            "mongodb-uri-invalid",
            Severity.ERROR,
            f"{reach.shown}: {reach.uri_fault}",
            remedy="Write it in this form; the user and the password percent-encoded.",
            command="export SESSIONWIRE_MONGODB_URI='mongodb://me:secret@host/?replicaSet=rs0'",
        )
        return
    answering = [each for each in reach.nodes if each.fault is None]
    silent = [each for each in reach.nodes if each.fault is not None]
    if not answering:
        yield from (_silent(each) for each in silent)
        return
    yield from (_seed_silent(each) for each in silent)
    yield from _judge_answering(reach, answering)


def _judge_answering(reach: Reach, answering: list[Node]) -> Iterator[Finding]:
    """The first cause that fits; each would hide the others."""
    standalone = [each for each in answering if each.kind == "standalone"]
    foreign = [each for each in answering if each.set_name not in (None, reach.wanted_set)]
    if standalone:
        yield _standalone(standalone[0])
    elif all(each.kind == "uninitiated" for each in answering):
        yield found(
            "set-uninitiated",
            Severity.ERROR,
            f"{answering[0].address} was started with --replSet, and its set was never initiated.",
            remedy="Initiate it, once.",
            command=f"mongosh mongodb://{answering[0].address}/ --eval 'rs.initiate()'",
        )
    elif any(each.max_wire < _FIRST_SNAPSHOT_WIRE for each in answering):
        said = f"The wire version is {answering[0].max_wire}: older than MongoDB 5.0."
        remedy = "Upgrade MongoDB, one major version at a time."
        yield found("server-too-old", Severity.ERROR, said, remedy=remedy)
    elif reach.wanted_set is not None and foreign:
        yield found(
            "set-name-differs",
            Severity.ERROR,
            f"The URI says replicaSet={reach.wanted_set}; {foreign[0].address} is of"
            f" {foreign[0].set_name}.",
            remedy=f"Write replicaSet={foreign[0].set_name} into SESSIONWIRE_MONGODB_URI.",
        )
    elif reach.auth_fault is not None:
        yield _unauthenticated(reach, reach.auth_fault)
    elif reach.selection_fault is not None:
        yield _no_primary(reach, answering)
    elif reach.round_trip_ms is not None:
        yield _reachable(reach.round_trip_ms)


def _silent(node: Node) -> Finding:
    code, remedy, command = _BY_FAULT[node.fault or "other"]
    host, _, port = node.address.rpartition(":")
    return found(
        code,
        Severity.ERROR,
        f"{node.address}: {node.said}",
        remedy=remedy,
        command=command.format(host=host or node.address, port=port),
    )


def _seed_silent(node: Node) -> Finding:
    return found(
        "mongodb-seed-silent",
        Severity.WARNING,
        f"{node.address} of the URI does not answer: {node.said}",
        remedy="Bring it back, or take it out of SESSIONWIRE_MONGODB_URI.",
    )


def _standalone(node: Node) -> Finding:
    return found(
        "standalone",
        Severity.ERROR,
        f"{node.address} runs standalone.",
        remedy="Restart mongod as a replica set, one node will do, and initiate it once.",
        command="mongod --replSet rs0 …\nmongosh --eval 'rs.initiate()'",
    )


def _unauthenticated(reach: Reach, said: str) -> Finding:
    remedy = "Check the user, the password and authSource (often admin) in the URI."
    if "***@" not in reach.shown:
        remedy = "MongoDB asks for a user: put one into SESSIONWIRE_MONGODB_URI."
    return found(
        "mongodb-authentication",
        Severity.ERROR,
        f"{reach.shown}: {said}",
        remedy=remedy,
        command="mongosh \"$SESSIONWIRE_MONGODB_URI\" --eval 'db.runCommand({ping: 1})'",
    )


def _no_primary(reach: Reach, answering: list[Node]) -> Finding:
    known = ", ".join(f"{each.address} ({each.set_name})" for each in answering)
    primaries = {each.primary for each in answering if each.primary}
    said = f"{known} answered, and no primary was found: {reach.selection_fault}"
    remedy = "See rs.status(): start the members that are away; a new set needs rs.initiate()."
    if primaries:
        said = f"{known} name the primary {', '.join(sorted(primaries))}, which is not reached."
        remedy = "Let this machine resolve and reach the names that rs.conf() has for the members."
    return found(
        "no-primary", Severity.ERROR, said, remedy=remedy, command="mongosh --eval 'rs.status()'"
    )


def _reachable(milliseconds: float) -> Finding:
    said = f"A command and its answer took {milliseconds:.1f} ms."
    if milliseconds <= _FAR_MS:
        return found("mongodb-reachable", Severity.OK, said)
    remedy = "Run serve in the region of MongoDB's primary."
    return found("mongodb-reachable", Severity.WARNING, said, remedy=remedy)
