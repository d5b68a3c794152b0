// @ts-check
/**
 * Tells the browser's other tabs that the cookie now names another session. A connection is bound to the cookie of its
 * handshake, so a tab that is signed out would not notice that its neighbour has signed in.
 */
import { isRecord } from './sharing.js';

/**
 * @param {string} url  tabs of the same server hear each other
 * @param {(sessionId: string) => void} onSession  another tab is now signed in with this session
 */
export function createTabs(url, onSession) {
  const channel = openChannel(`sessionwire ${url}`);
  if (channel === null) return { announce: () => {}, close: () => {} };
  channel.onmessage = ({ data }) => {
    if (isRecord(data) && typeof data.sessionId === 'string') onSession(data.sessionId);
  };
  return {
    /** @param {string} sessionId */
    announce: (sessionId) => channel.postMessage({ sessionId }),
    close: () => channel.close(),
  };
}

/** Outside a browser there are no tabs, and one process may hold many credentials. @param {string} name */
function openChannel(name) {
  if (typeof document === 'undefined' || typeof BroadcastChannel === 'undefined') return null;
  return new BroadcastChannel(name);
}
