// @ts-check
/** The steps of one change on its way, each with its time and what came of it; pure. */
import { results, verdictOf } from './verdict.js';
import { listed, many, span } from './words.js';

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
  const last = views.reduce((latest, { at }) => Math.max(latest, at ?? 0), 0);
  return done('Recomputed', last, said === '' ? '' : `${said}.`);
}

/** @param {Trace} trace @returns {Step[]} */
function sent(trace) {
  const { offered = 0, coalesced = 0, written = 0, acknowledged = 0, ended = 0 } = trace.deliveryCounts;
  const told = trace.deliveries.filter(({ state }) => state !== 'kept');
  const times = (/** @type {'offeredAt' | 'writtenAt' | 'acknowledgedAt'} */ name, /** @type {readonly string[]} */ states) => {
    const found = told.filter(({ state }) => states.includes(state)).map((each) => each[name]).filter((at) => at !== null);
    return found.length === 0 ? null : Math.max(...found);
  };
  const total = results(trace);
  const connections = new Set(trace.deliveries.map(({ connection }) => connection)).size;
  const listedAll = total === trace.deliveries.length;
  const steps = [total === 0 ? none('Offered') : done(
    'Offered',
    times('offeredAt', ['offered', 'coalesced', 'written', 'acknowledged', 'ended']) ?? trace.lastAt,
    listedAll ? `${many(total, 'result')} to ${many(connections, 'connection')}.` : `${many(total, 'result')}.`,
  )];
  if (coalesced > 0) {
    const said = `${many(coalesced, 'result')} gave way to a newer one before being sent.`;
    steps.push({ name: 'Coalesced', state: written + acknowledged + offered > 0 ? 'done' : 'stopped', at: null, said });
  }
  if (ended > 0) steps.push({ name: 'Ended', state: 'bad', at: times('writtenAt', ['ended']), said: wordEnded(trace, ended) });
  const frames = written + acknowledged;
  steps.push(frames + offered === 0 ? none('Written') : done(
    'Written', times('writtenAt', ['written', 'acknowledged']), frames > 0 ? `${many(frames, 'result')} to the connections.` : ''));
  steps.push(acknowledged > 0
    ? done('Acknowledged', times('acknowledgedAt', ['acknowledged']), `${acknowledged} of ${many(frames, 'result')}: the clients show it.`)
    : { ...none('Acknowledged'), said: frames > 0 ? 'No client has said yet that it shows it.' : '' });
  return steps;
}

/** @param {Trace} trace @param {number} ended */
function wordEnded({ deliveries }, ended) {
  const over = deliveries.filter(({ state }) => state === 'ended');
  const reasons = [...new Set(over.map(({ reason }) => reason ?? 'the client left'))];
  const connections = new Set(over.map(({ connection }) => connection)).size || ended;
  return `${many(connections, 'connection')} ended${reasons.length > 0 ? `: ${listed(reasons)}` : ''}.`;
}
