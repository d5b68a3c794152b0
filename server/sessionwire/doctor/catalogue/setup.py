"""Codes about settings and the machine."""

from __future__ import annotations

from sessionwire.doctor.catalogue.entry import entries

__all__ = ["ENTRIES"]

_SETTINGS = {
    "settings": ("ok", "These are the settings that serve would use here."),
    "settings-invalid": ("error", "serve refuses to start with a value that it cannot read."),
    "settings-refused": ("error", "serve refuses to start rather than be insecure."),
    "settings-file": (
        "ok error",
        "sessionwire.toml in the working directory gives what the environment does not.",
    ),
    "variable-unknown": (
        "warning",
        (
            "A variable that names no setting is ignored without a word: what it was to set "
            "keeps its default."
        ),
    ),
    "file-line-unknown": (
        "warning",
        (
            "A line that names no setting is ignored without a word: what it was to set keeps "
            "its default."
        ),
    ),
    "secret-strength": (
        "ok warning",
        "Whoever guesses the secret signs cookies of anybody.",
    ),
    "secret-generated": (
        "note",
        (
            "In development the secret is made at the first start and kept in data_dir: with "
            "another directory everybody is signed out."
        ),
    ),
    "secret-readable": (
        "warning",
        "Whoever can read the file can sign cookies of anybody.",
    ),
    "environment-development": (
        "warning",
        (
            "In development callers are not slowed down, common passwords are taken, every "
            "Host is answered, and pages of this machine are trusted on every port."
        ),
    ),
    "base-url-plain": (
        "warning",
        (
            "Over http whoever is on the way reads the session cookie, which is neither "
            "Secure nor called __Host-."
        ),
    ),
    "base-url-unset": (
        "note",
        (
            "Links in letters and the trusted origin follow the address that serve listens "
            "on, which is right on this machine only."
        ),
    ),
    "cookie-name": ("ok", "Browsers keep the session under this name."),
    "origin-plain": (
        "warning",
        "Whoever is on the way may change a page of an http origin, and act through it.",
    ),
    "origin-wildcard": (
        "warning",
        (
            "Every subdomain, also one that a customer or a forgotten DNS entry owns, may act "
            "for a signed-in user."
        ),
    ),
    "origin-redundant": (
        "note",
        "An entry that adds nothing hides those that do.",
    ),
    "origins": ("ok", "Pages of these origins may use the API and the live wire; no others."),
    "hosts-exclude-public": (
        "error",
        "Requests to the public address are refused with 421.",
    ),
    "hosts-open": (
        "warning",
        "A forged Host header is answered, for every subdomain there is.",
    ),
    "proxies-wide": (
        "warning",
        (
            "Everybody in a trusted network may say which address they have, and so escape "
            "the limits by address."
        ),
    ),
    "rate-limit-off": (
        "warning",
        "Passwords can be tried as fast as the server hashes.",
    ),
    "mail-nowhere": (
        "warning",
        "Nobody can reset a password or confirm an address.",
    ),
}

_MACHINE = {
    "open-files": (
        "ok note warning",
        (
            "Every connection is a file: at the limit no more are accepted, and MongoDB "
            "cannot be connected to."
        ),
    ),
    "listen-backlog": (
        "ok note",
        (
            "When all browsers come back at once, handshakes beyond the queue are dropped, "
            "and tried again a second later."
        ),
    ),
    "python-version": ("ok warning", "A Python without security fixes is no place for sessions."),
    "library-version": ("ok error", "This version has a known fault that serving depends on."),
    "embedded-mongod": (
        "ok error",
        "Without SESSIONWIRE_MONGODB_URI, serve starts this program.",
    ),
    "embedded-libraries": (
        "ok error",
        "mongod does not start without the libraries that it was linked with.",
    ),
    "embedded-production": (
        "warning",
        "The embedded MongoDB is one node without authentication: a broken disk loses everything.",
    ),
    "disk-space": (
        "ok warning",
        "MongoDB stops when the disk is full, and everybody is stale from then on.",
    ),
}

_UNFINISHED = {
    "check-unfinished": (
        "warning",
        "What this check looks at is unknown; the other findings do not depend on it.",
    ),
}

ENTRIES = (
    entries("settings", _SETTINGS)
    | entries("machine", _MACHINE)
    | entries("unfinished", _UNFINISHED)
)
