// @ts-check
/**
 * What passes for a WebSocket: the part of its interface that `socket.js` uses, for connections that are something else.
 * It is not a transport: it holds the handlers, and calls them as a WebSocket would.
 */
import { LOST } from './connection.js';

export class StandIn {
  /** As of a WebSocket: 0 connecting, 1 open, 3 closed. */
  readyState = 0;
  /** @type {((event: any) => void) | null} */
  onopen = null;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;
  /** Never called: `onclose` follows every error. @type {((event: any) => void) | null} */
  onerror = null;

  /** @param {string} url @param {string | string[]} [protocols] */
  constructor(url, protocols = []) {
    this.url = url;
    this.protocol = [protocols].flat()[0] ?? '';
  }

  /** @protected */
  tellOpen() {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.({ type: 'open', target: this });
  }

  /** @protected @param {string} data */
  tellMessage(data) {
    if (this.readyState === 1) this.onmessage?.({ type: 'message', target: this, data });
  }

  /** @protected @param {number} code @param {string} [reason] */
  tellClose(code, reason = '') {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ type: 'close', target: this, code, reason, wasClean: code !== LOST });
  }
}
