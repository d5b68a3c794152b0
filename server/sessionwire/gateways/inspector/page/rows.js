// @ts-check
/** The rows of the two lists. */
import { element } from './draw.js';
import { chip } from './parts.js';
import { verdictOf } from './verdict.js';
import { later, many, shortId, shortVersion, span, timeOf } from './words.js';

/**
 * @typedef {import('./facts.js').Known} Known
 * @typedef {import('./facts.js').Seen} Seen
 * @typedef {import('./facts.js').Verdict} Verdict
 */

const nobody = () => undefined;

/** @param {Known} known */
export function drawEvent({ trace }) {
  const { received, version, lastAt, changes: [first, ...others] } = trace;
  return [
    element('span.row-line', null,
      element('time', null, timeOf(received)),
      first === undefined ? element('strong', null, 'resync') : element('span.operation', { 'data-operation': first.operation }, first.operation),
      first !== undefined && element('strong', null, first.collection), element('span.row-fields', null, wordFields(first, others.length)),
      chip(verdictOf(trace, nobody, 0))),
    element('span.row-line.hint', null,
      element('code', null, shortVersion(version)), first?.id != null && element('code', null, shortId(first.id)),
      element('span.row-end', null, [...asides(trace), `last step ${later(lastAt)}`].join(' · '))),
  ];
}

/** What a verdict in one word leaves out. @param {import('./facts.js').Trace} trace */
function asides({ stop, deliveryCounts: { coalesced = 0, acknowledged = 0 } }) {
  if (stop !== 'told' && stop !== 'waiting') return [];
  return [...(coalesced > 0 ? [`${coalesced} coalesced`] : []), ...(acknowledged > 0 ? [`${acknowledged} shown`] : [])];
}

/** @param {import('./facts.js').Change | undefined} change @param {number} others */
function wordFields(change, others) {
  if (change === undefined) return '';
  if (others > 0) return `and ${many(others, 'more change')}`;
  const { fields, hidden, operation } = change;
  if (operation !== 'update') return '';
  return [...fields, ...(hidden > 0 ? [`${hidden} not listed`] : [])].join(', ');
}

/** @param {Seen} seen @returns {Verdict} */
export function standing({ connection: { paused, waiting, behind } }) {
  if (paused) return { tone: 'wait', word: 'Does not read', said: '' };
  if (waiting > 0) return { tone: 'wait', word: `Waiting ${span(behind)}`, said: '' };
  return { tone: 'good', word: 'Up to date', said: '' };
}

/** @param {Seen} seen */
export function drawConnectionRow(seen) {
  const { id, kind, user, version, waiting, behind, subscriptions } = seen.connection;
  const queries = subscriptions.map(({ query }) => query).join(', ') || 'subscribes to nothing';
  const queue = waiting > 0 ? `${waiting} waiting, ${span(behind)} behind` : 'queue empty';
  return [
    element('span.row-line', null,
      element('strong', null, user === null ? 'Visitor' : element('code', null, shortId(user))),
      element('span.row-fields', null, queries), chip(standing(seen))),
    element('span.row-line.hint', null,
      element('code', null, id), kind === 'poll' && 'polling', element('code', null, Number(`0x${version}`) === 0 ? 'nothing sent' : shortVersion(version)),
      element('span.row-end', null, queue)),
  ];
}

/** Those with a trouble first, then the youngest. @param {readonly Seen[]} seen */
export function ordered(seen) {
  const weight = (/** @type {Seen} */ { connection: { paused, behind, waiting } }) => (paused ? 2e9 : 0) + (waiting > 0 ? 1e9 : 0) + Math.min(behind, 9e8);
  const weighed = seen.map((each) => ({ each, weight: weight(each) }));
  weighed.sort((a, b) => b.weight - a.weight || (a.each.connection.opened < b.each.connection.opened ? 1 : -1));
  return weighed.map(({ each }) => each);
}
