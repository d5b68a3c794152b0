"""Codes about the public address, and about one session."""

from __future__ import annotations

from sessionwire.doctor.catalogue.entry import entries

__all__ = ["ENTRIES"]

_CANNOT = "Nobody reaches the server at its public address."

_WEB = {
    "url-skipped": ("note", "Proxies, headers and WebSockets were not looked at."),
    "url-answers": ("ok", "The server is ready, seen from here."),
    "url-name-unknown": ("error", _CANNOT),
    "url-refused": ("error", _CANNOT),
    "url-timeout": ("error", _CANNOT),
    "url-certificate": ("error", "Browsers show a warning in place of the page."),
    "url-unreachable": ("error", _CANNOT),
    "url-not-ready": ("error", "A proxy or the server answers, but the server is not ready."),
    "url-not-sessionwire": ("error", "Something answers there, and it is not sessionwire."),
    "base-url-differs": (
        "error",
        (
            "Pages are trusted and cookies are named by base_url: under another address "
            "browsers get 403 INVALID_ORIGIN, or drop the cookie."
        ),
    ),
    "proxy-untrusted": (
        "warning",
        (
            "Everybody behind the proxy counts as one address: limits meet all of them "
            "together, and sessions show the proxy's address."
        ),
    ),
    "https-redirect": (
        "ok note warning",
        "Who types the address without https gets the page in clear, or none.",
    ),
    "host-refused": (
        "error",
        (
            "The server refuses requests for a Host that is not its own; a proxy has to pass "
            "the public one on."
        ),
    ),
    "security-headers": ("ok", "The server's headers arrive as they were sent."),
    "header-lost": (
        "warning",
        "What the server said to protect the answer does not reach the browser.",
    ),
    "session-read": ("ok", "The session read arrives fresh, and as nobody's without a cookie."),
    "session-read-cached": (
        "error",
        "Somebody is shown who is signed in from a cache: an old state, or another user's.",
    ),
    "session-read-failed": ("error", "useSession and get_session ask this first."),
    "socket-upgraded": ("ok", "Changes arrive on a socket, within milliseconds."),
    "socket-not-upgraded": (
        "error",
        "Without the upgrade there is no live socket; clients fall back to long-polling.",
    ),
    "socket-refused": ("error", "The server refuses the handshake of the page's own origin."),
    "socket-silent": (
        "error",
        "The socket is open and nothing comes through: hooks stay pending.",
    ),
    "subprotocol-lost": (
        "warning",
        "A client that offered a subprotocol and gets none closes the socket (RFC 6455, 4.1).",
    ),
    "foreign-origin-accepted": (
        "error",
        "Any page in the browser could open a socket in the name of its user.",
    ),
    "frame-round-trip": ("ok warning", "A change is shown half a round trip after it happened."),
    "socket-idle": ("ok", "A socket on which nothing happens stays open."),
    "socket-cut": (
        "error warning",
        "Clients reconnect, but hooks are stale meanwhile, and every cut loads the server.",
    ),
    "long-poll": ("ok", "Where WebSockets are blocked, clients ask here."),
    "long-poll-failed": (
        "error",
        "Where WebSockets are blocked, clients have no other way to hear of changes.",
    ),
    "cookie-attributes": ("ok", "Cookies arrive with all that protects them."),
    "cookie-attributes-lost": (
        "error",
        "A browser refuses the cookie, or shows it to scripts and other sites.",
    ),
    "cookie-not-set": ("error", "Without Set-Cookie nobody stays signed in."),
    "web-clock": (
        "ok warning",
        "Cookies and sessions end by the server's clock, browsers keep them by their own.",
    ),
}

_SESSION = {
    "session-cookie": ("ok", "The cookie is well-formed, and signed with this server's secret."),
    "cookie-absent": (
        "error",
        "The request carries no session: nothing later can find one.",
    ),
    "cookie-name-differs": (
        "error",
        "The server looks for another name, and sees no session.",
    ),
    "cookie-malformed": ("error", "A value that is not whole reads as absent."),
    "cookie-twice": (
        "error",
        "Of two different values the server cannot know which is meant, and takes none.",
    ),
    "cookie-signature": (
        "error",
        "A cookie that another secret signed reads as absent: everybody is signed out.",
    ),
    "session-document": ("ok", "MongoDB has the session, and it stands."),
    "session-unknown": ("error", "The signature is right, but no document has this token."),
    "session-ended": ("error", "The session is over; the cookie outlived it."),
    "session-expired": ("error", "The session is over; the cookie outlived it."),
    "session-user-missing": ("error", "A session without its user reads as null."),
    "session-user-banned": ("error", "A banned user's sessions read as null."),
    "session-user": ("ok", "The user exists, is set up and not banned."),
    "onboarding-unfinished": (
        "error",
        "Pages behind /auth/after wait until the trigger has set the user up.",
    ),
    "no-membership": ("warning", "The session shows no organization and no role."),
    "active-organization-refused": (
        "warning",
        "An organization is shown as active only to its members: the session shows none.",
    ),
    "after-page": ("ok", "Sign-in ends here, and goes on to the page that was asked for."),
    "after-unreachable": (
        "error",
        "Sign-in ends here: without it the browser never gets to the page it asked for.",
    ),
    "session-not-asked": ("note", "The links of the chain are looked at one after another."),
    "http-read": ("ok", "The HTTP read shows the session, through everything in between."),
    "cookie-dropped": (
        "error",
        "The session is there, but the cookie does not reach the server.",
    ),
    "server-differs": (
        "error",
        "The server that answers there signs with another secret, or looks into another database.",
    ),
    "http-read-unavailable": (
        "error",
        "The server cannot say who is signed in; hooks keep what they show.",
    ),
    "socket-read": ("ok", "The live socket shows the session."),
    "hook-pending-no-socket": (
        "error",
        "useSession is pending until its first answer, and the socket gives none.",
    ),
    "hook-pending-stale": (
        "error",
        "The server follows no change stream at the moment: it answers nothing new.",
    ),
    "hook-pending-version": (
        "error",
        "The process behind the socket has not reached what another one has shown already.",
    ),
    "hook-pending-no-update": (
        "error",
        "The subscription was accepted, and its result did not come.",
    ),
    "wires-disagree": (
        "error",
        "The socket and the HTTP read reach different servers, or one loses the cookie.",
    ),
    "origin-refused": (
        "error",
        "The page's origin is not trusted: its reads of the socket and its writes are 403.",
    ),
    "origin-cross-site": (
        "error",
        "The cookie is SameSite=Lax: browsers do not send it with requests of another site's page.",
    ),
    "route-session": ("ok", "The route answers differently with the cookie than without."),
    "route-sees-no-session": (
        "error",
        "The route answers as it answers a stranger: the headers do not reach get_session.",
    ),
    "route-refused": ("error", "The route cannot be asked as it is."),
    "route-cached": ("error", "What one user is shown may be given to the next one."),
}

ENTRIES = entries("web", _WEB) | entries("session", _SESSION)
