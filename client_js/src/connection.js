// @ts-check
/** What can be said of a connection in numbers: how far it is, its times in milliseconds, and its close codes. */

export const NONE = 0;
export const OPENING = 1;
export const OPEN = 2;

/** Within which time a server must answer. */
export const ANSWER_WITHIN = 10_000;
/** Of which silence it is asked whether it is there, unless its `hello` says otherwise. */
export const INTERVAL = 25_000;

export const LOST = 1006;
export const TRY_LATER = 1013;
export const PROTOCOL_ERROR = 4400;
export const SESSION_OVER = 4401;

/** How many in a row must have failed to open before long-polling is tried. */
export const FAILURES = 3;
/** A WebSocket's `readyState` until its handshake. */
export const CONNECTING = 0;
