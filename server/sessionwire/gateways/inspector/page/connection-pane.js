// @ts-check
/** One connection: who it is, what it shows, and what the newest changes did to it. */
import { element } from './draw.js';
import { action, banner, chip, fact, heading, identifier, names, table, versionLink } from './parts.js';
import { verdictFor } from './verdict.js';
import { dayOf, many, shortId, span, timeOf } from './words.js';

/**
 * @typedef {import('./facts.js').Known} Known
 * @typedef {import('./facts.js').Seen} Seen
 * @typedef {import('./facts.js').Verdict} Verdict
 * @typedef {import('./verdict.js').Find} Find
 */

const NEWEST = 50;

/**
 * @param {string} id
 * @param {readonly Known[]} traces  the newest first
 * @param {{find: Find, now: number, all: boolean}} options  all: not only those that concern it
 */
export function drawConnection(id, traces, { find, now, all }) {
  const seen = find(id);
  const concerning = traces.filter((known) => all || isConcerned(known, id, seen)).slice(0, NEWEST);
  return [
    heading('Connection', [element('code', { 'data-testid': 'connection-id' }, id)], [
      action('copy-link', 'Copy link'), action('copy-json', 'Copy JSON'),
      ...(seen?.connection.user ? [action('only-user', 'Only this user', seen.connection.user)] : []),
    ]),
    banner(stateOf(seen, now, traces.find(({ trace }) => endingOf(trace, id) !== undefined)?.trace, id)),
    seen !== undefined && drawFacts(seen.connection),
    seen !== undefined && drawSubscriptions(seen.connection),
    element('section.part', { 'data-key': 'why' },
      element('div.part-head', null, element('h3', null, 'Why did it update, or not?'),
        element('label.check.small-check', null, element('input', { type: 'checkbox', 'data-action': 'all', 'data-key': 'all', 'data-testid': 'all-changes' }), 'All changes')),
      concerning.length === 0
        ? element('p.empty-note', null, 'No change that concerns it is known. Change something, and it shows here.')
        : element('ol.history', { 'data-testid': 'history' }, ...concerning.map(({ trace }) => drawHistory(trace, verdictFor(trace, id, find, now), id)))),
  ];
}

/** @param {Known} known @param {string} id @param {Seen | undefined} seen */
function isConcerned({ trace, connections, users }, id, seen) {
  if (connections.has(id) || trace.stop === 'resync') return true;
  const user = seen?.connection.user ?? null;
  if (user !== null && users.has(user)) return true;
  const pinned = seen?.connection.subscriptions.map(({ args }) => args.organization) ?? [];
  return trace.changes.some(({ organization }) => organization !== null && pinned.includes(organization));
}

/** @param {import('./facts.js').Trace} trace @param {string} id */
function endingOf({ deliveries }, id) {
  return deliveries.find(({ connection, state }) => connection === id && state === 'ended');
}

/** @param {Seen | undefined} seen @param {number} now @param {import('./facts.js').Trace | undefined} last @param {string} id @returns {Verdict} */
function stateOf(seen, now, last, id) {
  const ending = last && endingOf(last, id);
  if (ending !== undefined) {
    return { tone: 'bad', word: 'Ended', said: ending.reason === null ? 'The client left before it took what was new.' : `The connection ended: ${ending.reason}.` };
  }
  if (seen === undefined) return { tone: 'plain', word: 'Unknown', said: 'No such connection is open in this process. It may have ended, or be served by another process.' };
  if (seen.gone) return { tone: 'plain', word: 'Gone', said: 'This connection is not open any more.' };
  const { paused, waiting, behind } = seen.connection;
  const wait = `${many(waiting, 'result waits', 'results wait')}, the oldest for ${span(behind + now - seen.at)}`;
  if (paused) return { tone: 'wait', word: 'Does not read', said: waiting > 0 ? `The connection does not read: ${wait}.` : 'The connection does not read. Nothing waits for it yet.' };
  if (waiting > 0) return { tone: 'wait', word: 'Waiting', said: behind > 0 ? `${wait}.` : `${many(waiting, 'result waits', 'results wait')} to be sent.` };
  return { tone: 'good', word: 'Up to date', said: 'Everything that changed for it was sent.' };
}

/** @param {import('./facts.js').Connection} connection */
function drawFacts({ kind, user, session, opened, address, version, acknowledged }) {
  return element('dl.facts', { 'data-key': 'facts' },
    ...fact('User', identifier(user, 'nobody signed in')),
    ...fact('Session', identifier(session)),
    ...fact('Opened', dayOf(opened)),
    ...fact('Over', kind === 'socket' ? 'WebSocket' : 'polling', address === '' ? '' : ` from ${address}`),
    ...fact('Newest frame', Number(`0x${version}`) === 0 ? 'none yet' : versionLink(version)),
    ...fact('Acknowledged', acknowledged === null ? 'nothing yet' : versionLink(acknowledged)));
}

/** @param {import('./facts.js').Connection} connection */
function drawSubscriptions({ subscriptions }) {
  const rows = subscriptions.map(({ id, query, args, state, changedAt }) => element('tr', null,
    element('th', { scope: 'row' }, element('code', null, query), Object.keys(args).length > 0 && element('span.hint.args', null, wordArgs(args))),
    element('td.number', null, String(id)),
    element('td', null, element('span.outcome', { 'data-outcome': state }, state)),
    element('td.number', null, changedAt === null ? '—' : versionLink(changedAt))));
  return element('section.part', { 'data-key': 'subscriptions' },
    element('h3', null, 'Subscriptions ', element('span.hint', null, many(subscriptions.length, 'query', 'queries'))),
    rows.length === 0 ? element('p.empty-note', null, 'It subscribes to nothing.') : table(['Query', 'Id', 'State', 'Changed at'], rows, 'subscriptions'));
}

/** @param {Record<string, unknown>} args */
function wordArgs(args) {
  return Object.entries(args).map(([name, value]) => `${name} ${typeof value === 'string' ? shortId(value) : JSON.stringify(value)}`).join(', ');
}

/** @param {import('./facts.js').Trace} trace @param {Verdict} verdict @param {string} id */
function drawHistory(trace, verdict, id) {
  const changed = trace.changes.slice(0, 2).map(({ operation, collection }) => `${operation} ${collection}`).join(', ');
  return element('li', { 'data-key': trace.version, 'data-testid': 'history-row' },
    element('p.history-head', null, element('time', { datetime: trace.received }, timeOf(trace.received)), element('strong', null, changed || 'resync'),
      versionLink(trace.version, id), chip(verdict)),
    element('p.hint', null, ...names(verdict.queries ?? []), verdict.said));
}
