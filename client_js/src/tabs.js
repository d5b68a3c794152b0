// @ts-check
/**
 * Follows the browser's other tabs when the cookie names another session. A connection is bound to the cookie of its
 * handshake, so a tab that is signed out would not notice that its neighbour has signed in.
 */

/**
 * @param {string} url  tabs of the same server hear each other
 * @param {import('./live.js').Live} live
 * @returns {() => void} stops
 */
export function createTabs(url, { protocol, session, observers, flush }) {
  // Outside a browser there are no tabs, and one process may hold many credentials.
  const { document, BroadcastChannel } = globalThis;
  if (!document || !BroadcastChannel) return () => {};
  const channel = new BroadcastChannel(`sessionwire ${url}`);
  /** What we have told the others. @type {string | undefined} */
  let sessionId;
  /** The session that another tab shows, until we have compared it with ours. @type {string | null} */
  let announced = null;

  const observe = () => {
    const { status, data } = session.get();
    const id = data?.session.id;
    if (id && id !== sessionId) channel.postMessage({ sessionId: id });
    sessionId = id;
    if (!announced || (status !== 'live' && status !== 'closed')) return; // the next answer may already be of it
    const isOurs = announced === id;
    announced = null;
    if (isOurs) return;
    protocol.rebind();
    flush();
  };

  channel.onmessage = ({ data }) => {
    // One that begins to listen may have missed what was told before.
    if (data?.isAsking && sessionId) channel.postMessage({ sessionId });
    if (typeof data?.sessionId !== 'string') return;
    announced = data.sessionId;
    observe();
  };
  channel.postMessage({ isAsking: true });
  observers.add(observe);
  observe();

  return () => {
    observers.delete(observe);
    channel.close();
  };
}
