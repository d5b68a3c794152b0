// @ts-check
/** Why a change went as far as it did, and no further, in plain words; pure. */
import { listed, many, shortVersion, span } from './words.js';

/**
 * @typedef {import('./facts.js').Trace} Trace
 * @typedef {import('./facts.js').Delivery} Delivery
 * @typedef {import('./facts.js').Seen} Seen
 * @typedef {import('./facts.js').Verdict} Verdict
 * @typedef {(id: string) => Seen | undefined} Find  a connection by its id
 */

/** @type {Record<string, string>} */
const ENDS = {
  slow: 'it did not read for too long, and was cut',
  signed_out: 'its user signed out',
  revoked: 'its session was revoked',
  expired: 'its session expired',
  password_changed: 'the password was changed elsewhere',
  banned: 'its user was banned',
  deleted: 'its user was deleted',
  shutdown: 'the server is stopping',
  protocol_error: 'it sent what the protocol does not allow',
  unverifiable: 'the database could not be asked whether its session stands',
};

const STOPS = {
  unheld: 'Stopped here: nobody looks at any of these documents.',
  unread: 'Stopped here: the documents are held, and no query of anybody reads them.',
  idle: 'Stopped here: only results that nobody waits for. They are computed when they are read again.',
  equal: 'Stopped here: every query gave the same value as before.',
  loading: 'Waiting: a query reads documents that are being loaded from the database.',
  resync: 'History was lost: everything that is watched was loaded anew as of this version.',
};

const WORDS = {
  unheld: 'Nobody looks',
  unread: 'Not read',
  idle: 'Nobody waits',
  equal: 'Equal',
  loading: 'Loading',
  resync: 'Loaded anew',
};

/** @param {string | null} reason */
export function wordEnd(reason) {
  if (reason === null) return 'The client left.';
  return `The connection ended: ${reason}${reason in ENDS ? ` (${ENDS[reason]})` : ''}.`;
}

/** How many results the change led to. @param {Trace} trace */
export function results({ deliveryCounts }) {
  return Object.values(deliveryCounts).reduce((sum, each) => sum + each, 0);
}

/** Of the change as a whole. @param {Trace} trace @param {Find} find @param {number} now @returns {Verdict} */
export function verdictOf(trace, find, now) {
  if (trace.stop === 'waiting') return { tone: 'wait', word: 'Waiting', said: wordWaiting(trace, find, now) };
  if (trace.stop === 'told') return told(trace);
  const tone = trace.stop === 'loading' || trace.stop === 'resync' ? 'wait' : 'plain';
  return { tone, word: WORDS[trace.stop], said: STOPS[trace.stop] };
}

/** @param {Trace} trace @returns {Verdict} */
function told(trace) {
  const { written = 0, acknowledged = 0, coalesced = 0, ended = 0, kept = 0 } = trace.deliveryCounts;
  const sent = written + acknowledged;
  const also = [];
  if (coalesced > 0) also.push(`${many(coalesced, 'result')} gave way to a newer one before being sent.`);
  if (ended > 0) also.push(wordEnded(trace));
  if (sent === 0 && also.length > 0) {
    return { tone: ended > 0 ? 'bad' : 'plain', word: ended > 0 ? 'Ended' : 'Coalesced', said: `Stopped here: ${lower(also.join(' '))}` };
  }
  if (sent === 0 && kept > 0) {
    return { tone: 'plain', word: 'Session stands', said: 'Stopped here: a session changed, and stands. Nothing is sent for that.' };
  }
  if (sent === 0) {
    return { tone: 'plain', word: 'No listener', said: 'Stopped here: a value changed, and no connection showed it.' };
  }
  const rest = also.map((each) => ` ${each}`).join('');
  const word = ended > 0 ? `Told ${sent}, ended ${ended}` : `Told ${sent}`;
  if (written === 0) return { tone: 'good', word, said: `Everybody who was told shows it.${rest}` };
  const shown = acknowledged > 0 ? `${acknowledged} of ${many(sent, 'result')} acknowledged` : 'no client has acknowledged it';
  return { tone: 'good', word, said: `Everybody concerned was told; ${shown}.${rest}` };
}

/** Which connections ended, and why: because of the change, or before it was sent. @param {Trace} trace */
export function wordEnded({ deliveries, deliveryCounts }) {
  const over = deliveries.filter(({ state }) => state === 'ended');
  if (over.length === 0) return `${many(deliveryCounts.ended ?? 0, 'result')} went to connections that ended.`;
  const by = new Set(over.filter(({ id }) => id === -1).map(({ connection }) => connection));
  return [over.filter(({ connection }) => by.has(connection)), over.filter(({ connection }) => !by.has(connection))].map((part, index) => {
    if (part.length === 0) return '';
    const connections = many(new Set(part.map(({ connection }) => connection)).size, 'connection');
    const reasons = listed([...new Set(part.map(({ reason }) => reason ?? 'the client left'))]);
    return index === 0 ? `This change ended ${connections}: ${reasons}.` : `${connections} ended before it was sent: ${reasons}.`;
  }).filter((each) => each !== '').join(' ');
}

/** @param {string} sentence */
function lower(sentence) {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

/** @param {Trace} trace @param {Find} find @param {number} now */
function wordWaiting(trace, find, now) {
  const ids = [...new Set(trace.deliveries.filter(({ state }) => state === 'offered').map(({ connection }) => connection))];
  const [only] = ids;
  if (ids.length === 1 && only !== undefined) return wordHeld(find(only), now);
  return `Waiting: ${many(ids.length || (trace.deliveryCounts.offered ?? 0), 'connection has', 'connections have')} not taken what is new.`;
}

/** Why a connection has not taken a result. @param {Seen | undefined} seen @param {number} now */
function wordHeld(seen, now) {
  if (seen === undefined || seen.gone) return 'Waiting to be sent.';
  const { connection, at } = seen;
  if (connection.paused) {
    const wait = `${many(connection.waiting, 'result waits', 'results wait')}, the oldest for ${span(connection.behind + now - at)}`;
    return `Waiting: the connection does not read; ${wait}.`;
  }
  if (connection.subscriptions.some(({ state }) => state === 'loading')) {
    return 'Waiting: another query of this connection is being loaded, and both are sent as of one moment.';
  }
  if (connection.kind === 'poll') return 'Waiting: the client has not asked again yet.';
  return 'Waiting to be sent.';
}

const DELIVERED = /** @type {const} */ ({
  offered: ['wait', 'Waiting'],
  coalesced: ['plain', 'Coalesced'],
  written: ['good', 'Written'],
  acknowledged: ['good', 'Acknowledged'],
  kept: ['plain', 'Session stands'],
  ended: ['bad', 'Ended'],
});

/** Of one result. @param {Delivery} delivery @param {Find} find @param {number} now @returns {Verdict} */
export function deliveryVerdict(delivery, find, now) {
  const [tone, word] = DELIVERED[delivery.state];
  return { tone, word, said: wordDelivery(delivery, find, now) };
}

/** @param {Delivery} delivery @param {Find} find @param {number} now @returns {string} */
function wordDelivery({ connection, id, state, version, reason }, find, now) {
  switch (state) {
    case 'offered':
      return wordHeld(find(connection), now);
    case 'coalesced':
      return `Coalesced into ${shortVersion(version ?? '')}: a newer result took its place before it was sent.`;
    case 'written':
      return 'Written to the connection. The client has not said that it shows it.';
    case 'acknowledged':
      return 'Acknowledged: the client shows it.';
    case 'kept':
      return 'The session of this connection changed, and stands. Nothing is sent for that.';
    case 'ended':
      return id === -1 ? `This change ended the session. ${wordEnd(reason)}` : `Never sent. ${wordEnd(reason)}`;
  }
}

const GRAVEST = ['offered', 'ended', 'coalesced', 'written', 'acknowledged', 'kept'];

/**
 * What the change did to one connection, and if nothing, why.
 *
 * @param {Trace} trace @param {string} id @param {Find} find @param {number} now @returns {Verdict}
 */
export function verdictFor(trace, id, find, now) {
  const reached = trace.deliveries.filter(({ connection }) => connection === id);
  reached.sort((a, b) => GRAVEST.indexOf(a.state) - GRAVEST.indexOf(b.state));
  const [gravest] = reached;
  if (gravest === undefined) return unreached(trace, find(id));
  const verdict = deliveryVerdict(gravest, find, now);
  if (gravest.state !== 'kept') {
    const queries = reached.filter(({ id, state }) => id !== -1 && state === gravest.state).map(({ query }) => query);
    return { ...verdict, queries };
  }
  const why = unreached(trace, find(id));
  return why.word === 'Equal' ? { ...why, said: `${why.said} The session changed, and stands.` } : verdict;
}

/** @param {Trace} trace @param {Seen | undefined} seen @returns {Verdict} */
function unreached(trace, seen) {
  const plain = (/** @type {string} */ word, /** @type {string} */ said) => ({ tone: /** @type {const} */ ('plain'), word, said });
  if (trace.stop === 'resync') return plain('Loaded anew', 'History was lost; what this connection shows was loaded anew.');
  if (results(trace) > trace.deliveries.length) {
    return plain('Not listed', `${many(results(trace), 'result')} came of this change; only the first ${trace.deliveries.length} are listed.`);
  }
  if (seen !== undefined && Date.parse(trace.received) < Date.parse(seen.connection.opened)) {
    return plain('Before', 'This connection was opened later: its first answers are newer than this change.');
  }
  const asked = new Set(seen?.connection.subscriptions.map(({ query }) => query));
  const user = seen?.connection.user ?? null;
  const views = seen === undefined ? [] : trace.views.filter((each) => each.user === user && asked.has(each.query));
  if (views.some(({ outcome }) => outcome === 'loading' || outcome === null)) {
    return { tone: 'wait', word: 'Loading', said: 'Waiting: what its query reads is being loaded from the database.' };
  }
  const equal = [...new Set(views.filter(({ outcome }) => outcome === 'equal').map(({ query }) => query))];
  if (equal.length > 0) return { ...plain('Equal', 'Not sent: it gave the same value as before.'), queries: equal };
  if (views.length > 0) return plain('First answer', 'Not sent for itself: it was part of a first answer to this connection.');
  if (trace.stop === 'unheld') return plain('Not affected', 'Not affected: nobody looks at any of these documents.');
  return plain('Not affected', 'Not affected: none of its queries reads what changed.');
}
