// @ts-check
/** One change on its way: the verdict, the steps, and what became of it on each connection. */
import { element } from './draw.js';
import { action, banner, chip, connectionLink, heading, identifier, table, versionLink } from './parts.js';
import { stepsOf } from './steps.js';
import { deliveryVerdict, results, verdictFor, verdictOf } from './verdict.js';
import { count, dayOf, later, many, shortId, timeOf } from './words.js';

/**
 * @typedef {import('./facts.js').Trace} Trace
 * @typedef {import('./facts.js').Delivery} Delivery
 * @typedef {import('./verdict.js').Find} Find
 */

const SHOWN = 100;

/** @param {Trace} trace @param {string | null} from  the connection from which it is looked at @param {Find} find @param {number} now */
export function drawTrace(trace, from, find, now) {
  return [
    heading('Trace of version', [element('code', { 'data-testid': 'trace-version' }, trace.version)], [
      action('copy-link', 'Copy link'), action('copy-json', 'Copy JSON'),
    ]),
    from !== null && element(
      'section.from', { 'aria-label': 'On this connection', 'data-testid': 'on-connection' },
      element('p.hint', null, 'On the connection ', connectionLink(from)), banner(verdictFor(trace, from, find, now)),
    ),
    banner(verdictOf(trace, find, now)),
    drawSteps(trace, find, now),
    drawChanges(trace),
    drawViews(trace),
    drawDeliveries(trace, from, find, now),
  ];
}

/** @param {Trace} trace @param {Find} find @param {number} now */
function drawSteps(trace, find, now) {
  const received = Date.parse(trace.received);
  return element('ol.steps', { 'aria-label': 'Steps', 'data-testid': 'steps' }, ...stepsOf(trace, find, now).map(({ name, state, at, said }) => {
    const time = at === null ? [] : [
      element('time', { datetime: new Date(received + at).toISOString() }, timeOf(received + at)),
      element('span.offset', null, later(at)),
    ];
    const hint = state === 'none' && said === '' ? element('span.visually-hidden', null, 'Not reached.') : element('p', null, said);
    return element('li', { 'data-state': state, 'data-key': name, 'data-testid': 'step' },
      element('div.when', null, ...time), element('div.what', null, element('strong', null, name), hint));
  }));
}

/** @param {Trace} trace */
function drawChanges({ changes, wall }) {
  if (changes.length === 0) return null;
  return part('What changed', many(changes.length, 'document'), element('ul.changes', { 'data-testid': 'changes' }, ...changes.slice(0, SHOWN).map((change) => {
    const { collection, operation, id, fields, hidden, user, organization } = change;
    const unlisted = hidden > 0 ? `${fields.length > 0 ? '+ ' : ''}${many(hidden, 'field')} not listed` : '';
    return element('li', null,
      element('p', null, element('span.operation', { 'data-operation': operation }, operation), ' ', element('strong', null, collection), ' ',
        id !== null && element('code.mono', { title: id }, shortId(id))),
      (fields.length > 0 || unlisted !== '') && element('p.fields', null, ...fields.map((field) => element('code', null, field)), unlisted !== '' && element('span.hint', null, unlisted)),
      (user !== null && user !== id || organization !== null && organization !== id) && element('p.hint', null, ...owners(change)));
  }), more(changes.length)), wall === null ? null : `Committed ${dayOf(wall)} by MongoDB's clock.`);
}

/** @param {import('./facts.js').Change} change */
function owners({ id, user, organization }) {
  return [
    ...(user !== null && user !== id ? ['of user ', identifier(user), ' '] : []),
    ...(organization !== null && organization !== id ? ['in organization ', identifier(organization)] : []),
  ];
}

/** @param {Trace} trace */
function drawViews({ views, viewCounts: { affected = 0 } }) {
  if (views.length === 0) return null;
  const rows = views.slice(0, SHOWN).map(({ query, user, outcome, at }) => element('tr', null,
    element('th', { scope: 'row' }, element('code', null, query)), element('td', null, identifier(user, 'visitor')),
    element('td', null, element('span.outcome', { 'data-outcome': outcome ?? 'waiting' }, outcome ?? 'not yet')),
    element('td.number', null, at === null ? '' : later(at))));
  return part('Views affected', many(affected, 'query', 'queries'), table(['Query', 'User', 'Result', 'At'], rows, 'views'), more(affected, rows.length));
}

/** @param {Trace} trace @param {string | null} from @param {Find} find @param {number} now */
function drawDeliveries(trace, from, find, now) {
  const { deliveries } = trace;
  if (deliveries.length === 0) return null;
  const first = deliveries.filter(({ connection }) => connection === from);
  const ordered = [...first, ...deliveries.filter(({ connection }) => connection !== from)].slice(0, SHOWN);
  const items = ordered.map((each) => drawDelivery(each, from, find, now));
  const total = results(trace);
  return part('What became of it', many(total, 'result'), element('ul.deliveries', { 'data-testid': 'deliveries' }, ...items, more(total, items.length)));
}

/** @param {Delivery} delivery @param {string | null} from @param {Find} find @param {number} now */
function drawDelivery(delivery, from, find, now) {
  const { connection, id, query, user, offeredAt, writtenAt, acknowledgedAt, version, state, at } = delivery;
  const isOver = state === 'ended' || state === 'coalesced';
  const times = [['offered', offeredAt], ['written', isOver ? null : writtenAt], ['acknowledged', acknowledgedAt], [state, isOver ? at : null]];
  const verdict = deliveryVerdict(delivery, find, now);
  return element('li', { 'data-key': `${connection} ${id}`, 'data-state': state, class: connection === from ? 'here' : null, 'data-testid': 'delivery' },
    element('p.delivery-head', null, chip(verdict), element('code', null, id === -1 ? 'the session itself' : query), ' to ', connectionLink(connection),
      element('span.hint', null, ' ', user === null ? 'visitor' : 'user ', user !== null && identifier(user))),
    element('p', null, ...(state === 'coalesced' && version !== null
      ? ['Coalesced into ', versionLink(version, from), ': a newer result took its place before it was sent.'] : [verdict.said])),
    element('p.times', null, ...times.filter(([, at]) => at !== null).map(([name, at]) => element('span', null, `${name} `, element('b', null, later(Number(at)))))));
}

/** @param {string} title @param {string} number @param {...import('./draw.js').Child} children */
function part(title, number, ...children) {
  return element('section.part', { 'data-key': title }, element('h3', null, title, ' ', element('span.hint', null, number)),
    ...children.map((child) => (typeof child === 'string' ? element('p.hint', null, child) : child)));
}

/** @param {number} total @param {number} shown */
function more(total, shown = SHOWN) {
  return total > shown ? element('p.hint', null, `${count(total - shown)} more are not listed.`) : null;
}
