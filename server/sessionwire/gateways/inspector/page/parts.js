// @ts-check
/** What several panes are made of. */
import { element } from './draw.js';
import { shortId, shortVersion } from './words.js';

/** @typedef {import('./draw.js').Child} Child */

/** @param {import('./facts.js').Verdict} verdict */
export function chip({ tone, word }) {
  return element(`span.chip.${tone}`, null, word);
}

/** @param {import('./facts.js').Verdict} verdict */
export function banner({ tone, word, said, queries = [] }) {
  const rest = said.startsWith(`${word}: `) ? said.slice(word.length + 2) : said;
  return element(`div.verdict.${tone}`, { 'data-testid': 'verdict' }, element('strong', null, word),
    element('p', null, ...names(queries), rest.charAt(0).toUpperCase() + rest.slice(1)));
}

/** @param {string[]} queries @returns {Child[]} */
export function names(queries) {
  return queries.flatMap((query) => [element('code.name', null, query), ' ']);
}

/** @param {string} id */
export function connectionLink(id) {
  return element('a', { href: `#connection=${id}`, class: 'mono' }, shortId(id));
}

/** @param {string} version @param {string | null} [connection] seen from it */
export function versionLink(version, connection = null) {
  const href = `#trace=${version}${connection === null ? '' : `&connection=${connection}`}`;
  return element('a', { href, class: 'mono', title: `Version ${version}` }, shortVersion(version));
}

/** @param {string | null} id @param {string} [none] */
export function identifier(id, none = '—') {
  return id === null ? element('span.hint', null, none) : element('code.mono', { title: id }, shortId(id));
}

/** @param {string} name @param {...(Child | Child[])} value @returns {HTMLElement[]} */
export function fact(name, ...value) {
  return [element('dt', null, name), element('dd', null, ...value)];
}

/** @param {string} name @param {string} label @param {string} [value] */
export function action(name, label, value) {
  return element('button.secondary.small', { type: 'button', 'data-action': name, 'data-value': value, 'data-key': `action-${name}`, 'data-testid': name }, label);
}

/**
 * The top of a pane.
 *
 * @param {string} kind  what it shows @param {Child[]} title @param {HTMLElement[]} actions
 */
export function heading(kind, title, actions) {
  return element(
    'header.pane-head', { 'data-key': 'head' },
    element('div', null, element('p.kind', null, kind), element('h2', { id: 'pane-title', tabindex: -1 }, ...title)),
    actions.length > 0 && element('div.pane-actions', null, ...actions),
    element(
      'button.quiet.small.close', { type: 'button', 'data-action': 'close', 'data-key': 'action-close', 'data-testid': 'close', 'aria-label': 'Close, back to the list' }, '✕'),
  );
}

/** A trace that is not known, or not any more. @param {string} version */
export function missing(version) {
  return [
    heading('Trace of version', [element('code', null, version)], []),
    banner({
      tone: 'plain',
      word: 'Not known',
      said: 'This process keeps the newest traces only, and in production only while somebody watches. It may be older, or of another process.',
    }),
  ];
}

/** @param {string[]} columns @param {HTMLElement[]} rows @param {string} name */
export function table(columns, rows, name) {
  return element('div.scroll', { tabindex: 0, role: 'region', 'aria-label': name }, element('table', { 'data-testid': name },
    element('thead', null, element('tr', null, ...columns.map((each) => element('th', { scope: 'col' }, each)))), element('tbody', null, ...rows)));
}
