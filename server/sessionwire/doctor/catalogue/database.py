"""Codes about MongoDB and what is in it."""

from __future__ import annotations

from sessionwire.doctor.catalogue.entry import entries

__all__ = ["ENTRIES"]

_CANNOT = "serve refuses to start while MongoDB cannot be reached."

_DATABASE = {
    "mongodb-place": ("ok note", "This is the MongoDB that serve would use."),
    "embedded-refused": ("error", "serve does not start without its MongoDB."),
    "mongodb-uri-invalid": ("error", _CANNOT),
    "mongodb-name-unknown": ("error", _CANNOT),
    "mongodb-refused": ("error", _CANNOT),
    "mongodb-timeout": ("error", _CANNOT),
    "mongodb-certificate": ("error", _CANNOT),
    "mongodb-tls": ("error", _CANNOT),
    "mongodb-tls-required": ("error", _CANNOT),
    "mongodb-unreachable": ("error", _CANNOT),
    "mongodb-seed-silent": (
        "warning",
        (
            "The driver tries the servers of the URI in turn; with those that are gone it "
            "finds the set more slowly, and with the last one not at all."
        ),
    ),
    "mongodb-authentication": ("error", "serve refuses to start without a user that it may be."),
    "mongodb-reachable": ("ok warning", "Every sign-in and every event pays this way."),
    "standalone": (
        "error",
        "A standalone mongod has no change streams, which sessionwire lives on.",
    ),
    "set-uninitiated": ("error", "A set without members has no primary, and takes no writes."),
    "set-name-differs": ("error", "The driver ignores servers of another set."),
    "no-primary": ("error", "Nobody can sign in, and no event comes, until there is a primary."),
    "replica-set": ("ok note", "Change streams show what the majority of the set has."),
    "member-silent": (
        "warning",
        "While members are away, one more failure may end the majority.",
    ),
    "majority-lost": ("error", "Without a majority no event comes and no write is confirmed."),
    "server-version": ("ok", "It is recent enough for change streams and snapshot reads."),
    "server-too-old": ("error", "Before 5.0 MongoDB cannot read as of a cluster time."),
    "server-end-of-life": ("note warning", "It gets no security fixes any more."),
    "server-vulnerable": ("error warning", "A published fault of this version."),
    "feature-version": (
        "ok note",
        "Until the feature compatibility version is raised, the set behaves like the older one.",
    ),
    "clock-skew": (
        "ok warning error",
        (
            "This machine says when a session ends, MongoDB when its document is removed; and "
            "cookies that name a moment more than 60 s ahead are not believed."
        ),
    ),
    "cluster-time-ahead": (
        "error",
        (
            "Versions are cluster times. One more than 60 s ahead is not believed, so that a "
            "read right after a write may show the state before it."
        ),
    ),
    "oplog-window": (
        "ok note warning error",
        (
            "After a break the change stream goes on from where it was, as long as the oplog "
            "has that moment; beyond it every subscriber has to be loaded anew."
        ),
    ),
    "commit-wait": (
        "ok note warning",
        (
            "Writes of other programs with w: 1 are shown when the journal has been flushed; "
            "sessionwire's own writes flush it themselves."
        ),
    ),
    "commit-probe-failed": ("warning", "The time from a write to its event was not measured."),
    "default-concerns": (
        "ok note",
        (
            "sessionwire writes with w: majority and reads with readConcern majority, "
            "whatever the defaults are; other programs' writes follow these."
        ),
    ),
    "uri-option": (
        "note warning error",
        "The options of the URI hold for serve, unless it sets its own.",
    ),
    "no-authentication": (
        "warning",
        "Whoever reaches MongoDB reads and writes everything, sessions included.",
    ),
    "connection-plain": ("warning", "Whoever is on the way reads the users and the password."),
    "permissions": ("ok", "The user may do what serve does; collMod and cluster roles not needed."),
    "permission-missing": ("error", "serve does not start, or fails at the first use."),
    "permission-excess": (
        "note",
        "Whoever takes over the server gets everything that its user may do.",
    ),
    "indexes": ("ok", "Every lookup by token, user or address uses one."),
    "index-missing": (
        "note warning",
        "serve makes missing indexes when it starts; until then lookups read whole collections.",
    ),
    "index-not-unique": (
        "error",
        (
            "serve refuses to start: two users with one address, or two sessions with one "
            "token, would be somebody else."
        ),
    ),
    "index-duplicates": ("error", "serve refuses to start: the unique index cannot be made."),
    "index-expiry": (
        "warning",
        "Documents are removed at another time than they should, or never.",
    ),
    "index-other": ("note", "serve keeps an index that does the same under other options."),
    "ttl-off": ("warning", "Expired sessions, tokens and limits are never removed."),
}

_DATA = {
    "contents": ("ok", "Nothing in the sample would surprise anybody."),
    "contents-unfinished": ("note", "These counts took longer than their bound, or were refused."),
    "email-case": (
        "warning",
        "Addresses are compared in lower case: only one of these users can sign in.",
    ),
    "member-without-organization": (
        "warning",
        "A membership of an organization that is gone is shown to nobody.",
    ),
    "user-without-active": (
        "note",
        "Until they choose one, their session shows no organization and no role.",
    ),
    "user-not-onboarded": (
        "warning",
        "The trigger sets new users up within milliseconds; these wait at /auth/after.",
    ),
    "several-workspaces": (
        "note",
        "Something made workspaces beside the server, or two servers differ in personal_workspace.",
    ),
    "session-without-expiry": (
        "warning",
        "A session without an end counts as over, and its document is never removed.",
    ),
    "session-without-user": ("note", "They are worthless; the TTL index removes them in time."),
    "large-user": (
        "warning error",
        (
            "An event carries a whole new document, and one over 16 MB cannot be sent: the "
            "stream has to be opened anew, and everybody loaded again."
        ),
    ),
}

ENTRIES = entries("database", _DATABASE) | entries("data", _DATA)
