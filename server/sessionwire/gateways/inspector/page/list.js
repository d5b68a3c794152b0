// @ts-check
/** A list box of rows of one height that draws only what is in sight, and stands still while it grows at the top. */
import { element } from './draw.js';

const SPARE = 6;

/**
 * @template Item
 * @param {object} options
 * @param {HTMLElement} options.box  scrolls; has the role listbox
 * @param {number} options.height  of a row
 * @param {(item: Item) => string} options.key
 * @param {(item: Item) => unknown} options.stamp  another one: the row is drawn anew
 * @param {(item: Item) => (Node | string)[]} options.draw
 * @param {(key: string, isChosen: boolean) => void} options.move  the cursor went there; chosen: by a click or Enter
 */
export function createList({ box, height, key, stamp, draw, move }) {
  const sheet = element('div', { role: 'presentation', class: 'sheet' });
  box.replaceChildren(sheet);
  /** @type {readonly Item[]} */
  let items = [];
  /** @type {Map<string, {row: HTMLElement, stamp: unknown}>} */
  let rows = new Map();
  /** @type {string | null} */
  let cursor = null;
  /** @type {string | null} */
  let selected = null;

  const indexOf = (/** @type {string | null} */ wanted) => (wanted === null ? -1 : items.findIndex((item) => key(item) === wanted));

  const paint = () => {
    const first = Math.max(0, Math.floor(box.scrollTop / height) - SPARE);
    const last = Math.min(items.length, Math.ceil((box.scrollTop + box.clientHeight) / height) + SPARE);
    sheet.style.height = `${items.length * height}px`;
    /** @type {typeof rows} */
    const kept = new Map();
    let next = sheet.firstElementChild;
    for (let index = first; index < last; index += 1) {
      const item = /** @type {Item} */ (items[index]);
      const [name, now] = [key(item), stamp(item)];
      const known = rows.get(name);
      const row = known?.row ?? element('div', { role: 'option', class: 'row', id: `${box.id}-${name}`, 'data-name': name });
      if (known?.stamp !== now) row.replaceChildren(...draw(item));
      place(row, index, name);
      if (row === next) next = next.nextElementSibling;
      else sheet.insertBefore(row, next);
      kept.set(name, { row, stamp: now });
    }
    for (const [name, { row }] of rows) if (!kept.has(name)) row.remove();
    rows = kept;
    if (cursor !== null && rows.has(cursor)) box.setAttribute('aria-activedescendant', `${box.id}-${cursor}`);
    else box.removeAttribute('aria-activedescendant');
  };

  /** @param {HTMLElement} row @param {number} index @param {string} name */
  const place = (row, index, name) => {
    row.style.transform = `translateY(${index * height}px)`;
    row.setAttribute('aria-posinset', String(index + 1));
    row.setAttribute('aria-setsize', String(items.length));
    row.setAttribute('aria-selected', String(name === selected));
    row.classList.toggle('cursor', name === cursor);
  };

  /** @param {number} index */
  const go = (index) => {
    const item = items[Math.min(Math.max(0, index), items.length - 1)];
    if (item === undefined) return;
    cursor = key(item);
    const top = indexOf(cursor) * height;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
    paint();
    move(cursor, false);
  };

  const page = () => Math.max(1, Math.floor(box.clientHeight / height) - 1);
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowDown: () => go(indexOf(cursor) + 1),
    ArrowUp: () => go(Math.max(0, indexOf(cursor) - 1)),
    PageDown: () => go(indexOf(cursor) + page()),
    PageUp: () => go(indexOf(cursor) - page()),
    Home: () => go(0),
    End: () => go(items.length - 1),
    Enter: () => cursor !== null && move(cursor, true),
    ' ': () => cursor !== null && move(cursor, true),
  };
  box.addEventListener('keydown', (event) => {
    const act = event.ctrlKey || event.altKey || event.metaKey ? undefined : keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
  box.addEventListener('focus', () => indexOf(cursor) < 0 && items.length > 0 && go(Math.floor(box.scrollTop / height)));
  box.addEventListener('click', ({ target }) => {
    const name = /** @type {HTMLElement} */ (target).closest('[role=option]')?.getAttribute('data-name') ?? null;
    if (name === null) return;
    cursor = name;
    move(name, true);
  });
  box.addEventListener('scroll', paint, { passive: true });
  new ResizeObserver(paint).observe(box);

  return {
    /** @param {readonly Item[]} next @param {string | null} chosen  the one that is shown elsewhere */
    show(next, chosen) {
      const top = Math.floor(box.scrollTop / height);
      const anchor = box.scrollTop > 0 ? items[top] : undefined;
      items = next;
      if (chosen !== selected && chosen !== null) cursor = chosen;
      selected = chosen;
      sheet.style.height = `${items.length * height}px`;
      const now = anchor === undefined ? -1 : indexOf(key(anchor));
      if (now >= 0 && now !== top) box.scrollTop += (now - top) * height;
      paint();
    },
    focus: () => box.focus(),
  };
}
