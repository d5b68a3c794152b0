// @ts-check
/**
 * What is true of one connection, and forgotten with it.
 *
 * @typedef {object} Connection
 * @property {'opening' | 'open'} phase
 * @property {Heartbeat} heartbeat
 * @property {boolean} live                   as the last `status` said
 * @property {string} position                the newest version that it has proved to have
 * @property {string} told                    the version of its last update
 * @property {string | null} bye              a `bye` whose meaning the close code will decide
 * @property {Map<number, string>} barriers   throw-away subscriptions, each waiting for a version
 */
import { Heartbeat } from './heartbeat.js';

/**
 * @param {'opening' | 'open'} phase
 * @param {number} now
 * @returns {Connection}
 */
export function createConnection(phase, now) {
  const heartbeat = new Heartbeat(now);
  return { phase, heartbeat, live: true, position: '', told: '', bye: null, barriers: new Map() };
}
