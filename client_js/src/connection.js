// @ts-check
/**
 * What is true of one connection, and forgotten with it; with its heartbeat (docs/protocol.md#heartbeat). Times are in
 * milliseconds.
 *
 * @typedef {object} Connection
 * @property {boolean} open
 * @property {boolean} live                   as the last `status` said
 * @property {string} position                the newest version that it has proved to have
 * @property {string} told                    the version of its last update
 * @property {string | null} bye              a `bye` whose meaning the close code will decide
 * @property {Map<unknown, string>} barriers  throw-away subscriptions, each waiting for a version
 * @property {number} interval                of silence, before the server is asked whether it is there
 * @property {number} heardAt
 * @property {number | null} answerBy         when a silent server is dead
 */

/** Within which time a server must answer. */
export const ANSWER_WITHIN = 10_000;

/**
 * @param {number} now
 * @param {boolean} open  else it is being opened
 * @returns {Connection}
 */
export function createConnection(now, open) {
  return {
    open,
    live: true,
    position: '',
    told: '',
    bye: null,
    barriers: new Map(),
    interval: 25_000,
    heardAt: now,
    answerBy: now + ANSWER_WITHIN, // the first frame is due
  };
}
