// @ts-check
/** The process as a whole: what it counts, and how long things take. */
import { element, graphic } from './draw.js';
import { countsOf, quantile, totalOf } from './histogram.js';
import { fact, heading } from './parts.js';
import { count, dayOf, span } from './words.js';

/**
 * @typedef {import('./facts.js').Process} Process
 * @typedef {import('./histogram.js').Counts} Counts
 */

const COUNTED = /** @type {const} */ ([
  ['changes', 'changes'], ['recomputed', 'recomputed'], ['suppressed', 'equal'], ['coalesced', 'coalesced'], ['frames', 'frames'], ['reads', 'loads'],
]);

/** @param {Process | null} process @param {Counts} screen */
export function drawProcess(process, screen) {
  if (process === null) return [heading('Process', ['Not known yet'], [])];
  const { counts, latency } = process;
  const ended = Object.entries(counts).filter(([name]) => name.startsWith('ended.')).map(([name, number]) => `${name.slice(6)} ${count(number)}`);
  return [
    heading('Process', [element('span', { 'data-testid': 'process-id' }, process.id)], []),
    element('div.figures', { 'data-key': 'figures' }, ...[
      ['connections', process.connections], ['queries', process.watches],
      ...COUNTED.map(([name, word]) => [word, counts[name] ?? 0]),
    ].map(([word, number]) => element('p.figure', null, element('b', null, count(Number(number))), ' ', element('span', null, String(word))))),
    drawHistogram('Write to frame', 'From the write in MongoDB to the frame that shows it, since the process began.', countsOf(latency.write_to_frame),
      'Nothing was pushed yet.'),
    drawHistogram('Write to screen', 'From the write to the client\'s word that it shows it, for what this page has seen.', screen,
      'No client has acknowledged anything yet. Clients are asked only while somebody watches.'),
    drawHistogram('Write to close', 'From the write that ended a session to the goodbye.', countsOf(latency.write_to_close), 'No write has ended a session yet.'),
    element('dl.facts', { 'data-key': 'facts' },
      ...fact('Software', `sessionwire ${process.software}`),
      ...fact('Started', dayOf(process.started)),
      ...fact('Version', element('code.mono', null, process.version)),
      ...fact('Change stream', process.live ? `live, heard ${span(process.silent * 1000)} ago` : 'lost: nothing new is seen until it is back'),
      ...fact('Documents held', count(process.documents)),
      ...fact('Ended', ended.length === 0 ? 'no connection' : ended.join(', '))),
    element('p.hint', { 'data-key': 'alone' }, `Everything here is of the process ${process.id} alone. With several workers each has its own connections and traces; a reload may lead to another.`),
  ];
}

/** @param {string} title @param {string} hint @param {Counts} histogram @param {string} empty */
function drawHistogram(title, hint, histogram, empty) {
  const total = totalOf(histogram);
  const name = title.toLowerCase().replaceAll(' ', '-');
  return element('section.part', { 'data-key': title, 'data-testid': name },
    element('h3', null, title, ' ', element('span.hint', null, total === 0 ? '' : wordQuantiles(histogram))),
    total === 0 ? element('p.empty-note', null, empty) : drawBars(histogram, total),
    element('p.hint', null, hint));
}

/** @param {Counts} histogram */
function wordQuantiles(histogram) {
  const parts = /** @type {const} */ ([['half', 0.5], ['99\u00a0%', 0.99]]).map(([word, share]) => {
    const bound = quantile(histogram, share);
    return bound === null ? `${word} beyond 10 s` : `${word} within ${span(bound)}`;
  });
  return `${count(totalOf(histogram))} · ${parts.join(' · ')}`;
}

const [WIDE, HEIGHT, GAP, FEWEST] = [50, 72, 6, 6];

/** From the first bar to the last, and one more on each side. @param {readonly number[]} counts */
function reach(counts) {
  const first = Math.max(0, counts.findIndex((each) => each > 0) - 1);
  const last = Math.min(counts.length, Math.max(counts.reduce((latest, each, index) => (each > 0 ? index : latest), 0) + 2, first + FEWEST));
  return { first: Math.max(0, Math.min(first, last - FEWEST)), last };
}

/** @param {Counts} histogram @param {number} total */
function drawBars({ bounds, counts }, total) {
  const [most, { first, last }] = [Math.max(...counts), reach(counts)];
  const label = counts.map((each, index) => (each === 0 ? '' : `${count(each)} ${wordBound(bounds, index)}`)).filter((each) => each !== '').join(', ');
  const width = (last - first) * WIDE;
  return graphic('svg.bars', { viewBox: `0 0 ${width} ${HEIGHT + 34}`, width, role: 'img', 'aria-label': `${count(total)} in all: ${label}` }, ...counts.slice(first, last).flatMap((each, place) => {
    const tall = each === 0 ? 1 : Math.max(3, (each / most) * HEIGHT);
    const middle = place * WIDE + WIDE / 2;
    const bound = bounds[first + place];
    return [
      graphic(`rect${each === 0 ? '.none' : ''}`, { x: place * WIDE + GAP / 2, y: HEIGHT + 14 - tall, width: WIDE - GAP, height: tall, rx: Math.min(3, tall / 2) }),
      ...(each > 0 ? [graphic('text.top', { x: middle, y: HEIGHT + 9 - tall }, count(each))] : []),
      graphic('text', { x: middle, y: HEIGHT + 29 }, bound === undefined ? 'more' : bound < 1000 ? `${bound} ms` : `${bound / 1000} s`),
    ];
  }));
}

/** @param {readonly number[]} bounds @param {number} index */
function wordBound(bounds, index) {
  const bound = bounds[index];
  return bound === undefined ? `beyond ${span(bounds.at(-1) ?? 0)}` : `within ${span(bound)}`;
}
