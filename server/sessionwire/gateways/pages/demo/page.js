// @ts-check
/** The page's elements by name, and the few ways in which this page changes them. */

/**
 * @param {string} id
 * @returns {any} the element, of whatever kind the page says
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element ${id}.`);
  return found;
}

/**
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {any}
 */
export function within(parent, selector) {
  const found = parent.querySelector(selector);
  if (found === null) throw new Error(`There is no ${selector} here.`);
  return found;
}

/** @param {string} name of a test id @returns {any} */
export function named(name) {
  return within(document, `[data-testid="${name}"]`);
}

/**
 * Shows text, or a skeleton while there is none to show.
 *
 * @param {HTMLElement} target
 * @param {string | null | undefined} text  null: not known yet
 */
export function write(target, text) {
  const isUnknown = text === null || text === undefined;
  target.classList.toggle('skeleton', isUnknown);
  if (target.textContent !== (text ?? '')) target.textContent = text ?? '';
}

/**
 * Shows a message in a place that is hidden while there is none.
 *
 * @param {HTMLElement} target
 * @param {string | null} message
 */
export function tell(target, message) {
  target.hidden = message === null;
  if (target.textContent !== (message ?? '')) target.textContent = message ?? '';
}

/**
 * Makes the rows of a list equal to `items`. A row lives as long as its item, so that focus and open menus stay.
 *
 * @template {{id: string}} T
 * @param {HTMLElement} list
 * @param {string} template  id of the template
 * @param {readonly T[]} items
 * @param {(row: HTMLElement, item: T) => void} fill
 */
export function showRows(list, template, items, fill) {
  const rows = new Map([...list.children].map((row) => [/** @type {HTMLElement} */ (row).dataset.id, row]));
  const wanted = items.map((item) => {
    const row = /** @type {HTMLElement} */ (rows.get(item.id) ?? cloneRow(template));
    row.dataset.id = item.id;
    fill(row, item);
    return row;
  });
  if (wanted.length !== list.children.length || wanted.some((row, index) => row !== list.children[index])) {
    list.replaceChildren(...wanted);
  }
}

/** @param {string} template */
export function cloneRow(template) {
  return /** @type {HTMLElement} */ (byId(template).content.firstElementChild.cloneNode(true));
}
