// @ts-check
/** The steps of one change on its way, each with its time and what came of it; pure. */
import { results, verdictOf, wordEnded } from './verdict.js';
import { later, listed, many, span } from './words.js';

/**
 * @typedef {import('./facts.js').Trace} Trace
 * @typedef {import('./facts.js').Step} Step
 * @typedef {import('./facts.js').Stop} Stop
 */

/** Where each way of stopping shows. @type {Partial<Record<Stop, string>>} */
const AT = { unheld: 'Applied', unread: 'Views affected', idle: 'Recomputed', equal: 'Recomputed', loading: 'Recomputed' };

/**
 * In their order; after the one where it stopped, those that were not reached say nothing.
 *
 * @param {Trace} trace @param {import('./verdict.js').Find} find @param {number} now @returns {Step[]}
 */
export function stepsOf(trace, find, now) {
  if (trace.stop === 'resync') return [received(trace), done('Loaded anew', trace.appliedAt, verdictOf(trace, find, now).said)];
  const steps = [committed(trace), received(trace), applied(trace), affected(trace), recomputed(trace), ...sent(trace)];
  const last = AT[trace.stop];
  if (last === undefined) return closing(steps, trace, find, now);
  const end = steps.findIndex(({ name }) => name === last);
  return steps.map((step, index) => {
    if (index < end) return step;
    if (index > end) return { ...step, state: 'none', at: null, said: '' };
    const { tone, said } = verdictOf(trace, find, now);
    return { ...step, state: tone === 'wait' ? 'waiting' : 'stopped', said: `${step.said} ${said}`.trim() };
  });
}

/** The last word on what was told, at the step where it belongs. @param {Step[]} steps @param {Trace} trace
 * @param {import('./verdict.js').Find} find @param {number} now */
function closing(steps, trace, find, now) {
  const { said } = verdictOf(trace, find, now);
  if (trace.stop === 'waiting') {
    return steps.map((step) => (step.name === 'Written' ? { ...step, state: /** @type {const} */ ('waiting'), said: `${step.said} ${said}`.trim() } : step));
  }
  if (results(trace) > 0) return steps;
  return steps.map((step) => (step.name === 'Offered' ? { ...step, state: /** @type {const} */ ('stopped'), said } : step));
}

/** @param {string} name @param {number | null} at @param {string} said @returns {Step} */
function done(name, at, said) {
  return { name, state: 'done', at, said };
}

/** @param {string} name @returns {Step} */
function none(name) {
  return { name, state: 'none', at: null, said: '' };
}

/** @param {Trace} trace */
function committed({ lag }) {
  if (lag === null) return done('Committed', null, 'In MongoDB.');
  const said = lag < 0
    ? `In MongoDB, whose clock is ${span(-lag)} ahead of this process's.`
    : `In MongoDB, by its clock ${span(lag)} before this process heard of it.`;
  return done('Committed', -lag, said);
}

/** @param {Trace} trace */
function received({ stop }) {
  return done('Received', 0, stop === 'resync' ? 'The change stream began anew.' : 'From the change stream.');
}

/** @param {Trace} trace */
function applied({ appliedAt, changes }) {
  const collections = [...new Set(changes.map(({ collection }) => collection))];
  return done('Applied', appliedAt, `${many(changes.length, 'change')} in ${listed(collections)}.`);
}

/** @param {Trace} trace */
function affected({ appliedAt, viewCounts: { affected = 0 } }) {
  return done('Views affected', appliedAt, affected > 0 ? `${many(affected, 'query reads', 'queries read')} something that changed.` : '');
}

/** @param {Trace} trace */
function recomputed({ views, viewCounts }) {
  const { changed = 0, equal = 0, idle = 0, affected = 0 } = viewCounts;
  const loading = affected - changed - equal - idle;
  const parts = [[changed, 'changed'], [equal, 'equal'], [idle, 'not waited for'], [loading, 'loading']];
  const said = listed(parts.filter(([number]) => Number(number) > 0).map(([number, word]) => `${number} ${word}`));
  return lasting('Recomputed', views.map(({ at }) => at), said === '' ? '' : `${said}.`);
}

/** At the first of its times; it says when the last was. @param {string} name @param {(number | null)[]} times @param {string} said @returns {Step} */
function lasting(name, times, said) {
  const known = times.filter((at) => at !== null);
  if (known.length === 0) return done(name, null, said);
  const [first, last] = [Math.min(...known), Math.max(...known)];
  return done(name, first, last - first < 1 ? said : `${said} The last at ${later(last)}.`);
}

/** @param {Trace} trace @returns {Step[]} */
function sent(trace) {
  const { offered = 0, coalesced = 0, written = 0, acknowledged = 0, ended = 0 } = trace.deliveryCounts;
  const { deliveries } = trace;
  const of = (/** @type {readonly string[]} */ ...states) => deliveries.filter(({ state }) => states.includes(state));
  const [total, frames] = [results(trace), written + acknowledged];
  const connections = new Set(deliveries.map(({ connection }) => connection)).size;
  const to = total === deliveries.length ? ` to ${many(connections, 'connection')}` : '';
  const steps = [total === 0 ? none('Offered') : lasting('Offered', deliveries.map(({ offeredAt }) => offeredAt), `${many(total, 'result')}${to}.`)];
  if (coalesced > 0) {
    const said = `${many(coalesced, 'result')} gave way to a newer one before being sent.`;
    const step = lasting('Coalesced', of('coalesced').map(({ at }) => at), said);
    steps.push(frames + offered > 0 ? step : { ...step, state: 'stopped' });
  }
  if (ended > 0) steps.push({ ...lasting('Ended', of('ended').map(({ at }) => at), wordEnded(trace)), state: 'bad' });
  steps.push(frames + offered === 0 ? none('Written')
    : lasting('Written', of('written', 'acknowledged').map(({ writtenAt }) => writtenAt), frames > 0 ? `${many(frames, 'result')} to the connections.` : ''));
  steps.push(acknowledged > 0
    ? lasting('Acknowledged', of('acknowledged').map(({ acknowledgedAt }) => acknowledgedAt), `${acknowledged} of ${many(frames, 'result')}: the clients show it.`)
    : { ...none('Acknowledged'), said: frames > 0 ? 'No client has said yet that it shows it.' : '' });
  return steps;
}
