// @ts-check
/** The bar at the top and the filters: the state of the stream, pause, clear, and what is wanted. */
import { byId, element } from './draw.js';
import { EVERYTHING } from './sieve.js';
import { count, many, shortVersion } from './words.js';

/** @typedef {import('./facts.js').Filters} Filters */

const STATUSES = { connecting: 'Connecting', live: 'Live', stale: 'Reconnecting', refused: 'Not allowed' };

/**
 * @param {object} options
 * @param {ReturnType<typeof import('./memory.js').createMemory>} options.memory
 * @param {() => void} options.changed  something else is wanted now
 * @param {(text: string) => void} options.search  Enter was pressed on it
 */
export function createToolbar({ memory, changed, search }) {
  const [form, light, pause, toggle, panel] = ['filters', 'light', 'pause', 'toggle-filters', 'filter-panel'].map(byId);
  /** @type {Filters} */
  let filters = { ...EVERYTHING };
  /** @type {keyof typeof STATUSES} */
  let status = 'connecting';
  let why = '';

  const read = () => {
    const values = /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form)));
    filters = { ...EVERYTHING, ...values };
    changed();
  };
  form.addEventListener('input', read);
  form.addEventListener('submit', (/** @type {SubmitEvent} */ event) => event.preventDefault());
  form.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Enter' && event.target === form.elements.search) search(filters.search.trim().toLowerCase());
    if (event.key !== 'Escape') return;
    if (event.target === form.elements.search && filters.search !== '') {
      form.elements.search.value = '';
      read();
    } else if (!panel.hidden) {
      unfold(false);
      toggle.focus();
    } else return;
    event.preventDefault();
  });
  const unfold = (/** @type {boolean} */ isOpen) => {
    panel.hidden = !isOpen;
    toggle.setAttribute('aria-expanded', String(isOpen));
  };
  toggle.addEventListener('click', () => unfold(panel.hidden));
  byId('show-all').addEventListener('click', () => {
    form.reset();
    read();
  });
  pause.addEventListener('click', () => {
    memory.pause(!memory.isPaused);
    say(memory.isPaused ? 'Paused.' : 'Following again.');
    changed();
  });
  byId('clear').addEventListener('click', () => {
    memory.clear();
    say('Cleared.');
    changed();
  });

  /** Once, for assistive technology and in sight; never for what comes by itself many times a second. @param {string} text */
  const say = (text) => {
    byId('said').textContent = text;
    clearTimeout(saying);
    saying = setTimeout(() => (byId('said').textContent = ''), 4000);
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let saying;

  return {
    get filters() { return filters; },
    say,

    /** @param {keyof typeof STATUSES} next @param {string} reason */
    showStatus(next, reason) {
      [status, why] = [next, reason];
      light.dataset.status = next;
      light.textContent = STATUSES[next];
      this.show();
    },

    show() {
      const { process, isPaused } = memory;
      byId('process').textContent = process === null ? '' : `Process ${process.id}`;
      byId('version').textContent = process === null ? '' : shortVersion(process.version);
      pause.textContent = isPaused ? `Resume${memory.waiting > 0 ? ` (${count(memory.waiting)})` : ''}` : 'Pause';
      pause.setAttribute('aria-pressed', String(isPaused));
      tell(notice(status, why, process, isPaused));
      const active = [filters.user, filters.collection, filters.organization, filters.operation].filter((each) => each !== '').length;
      toggle.textContent = active === 0 ? 'Filters' : `Filters (${active})`;
      byId('show-all').hidden = active === 0 && filters.search === '';
      byId('dropped').hidden = memory.dropped === 0;
      byId('dropped').textContent = `${many(memory.dropped, 'older trace is', 'older traces are')} not kept.`;
      offer(form.elements.collection, memory.collections);
    },

    /** @param {string} user */
    setUser(user) {
      form.elements.user.value = user;
      unfold(true);
      read();
    },
  };
}

/**
 * What is not as it should be, in a sentence.
 *
 * @param {string} status @param {string} why @param {import('./facts.js').Process | null} process @param {boolean} isPaused
 */
function notice(status, why, process, isPaused) {
  if (status === 'stale') return `${why} What you see may be out of date; it connects again by itself.`;
  if (process !== null && !process.live) return 'This process has lost its change stream: it tries to follow MongoDB again, and nothing new is seen until then.';
  return isPaused ? 'Paused: everything stands still as it was. Nothing is lost until you resume.' : '';
}

/** @param {string} text */
function tell(text) {
  const place = byId('notice');
  place.hidden = text === '';
  if (place.textContent !== text) place.textContent = text;
}

/** The collections that were seen, to choose from. @param {HTMLSelectElement} select @param {Set<string>} names */
function offer(select, names) {
  const known = new Set([...select.options].map(({ value }) => value));
  for (const name of names) if (!known.has(name)) select.append(element('option', { value: name }, name));
}
