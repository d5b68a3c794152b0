// @ts-check
/** Elements made of values, and a drawing brought up to date without replacing what stays. */

const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {Node | string | null | false | undefined} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Attributes */

/** @param {string} id @returns {any} the element, of whatever kind the page says */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element ${id}.`);
  return found;
}

/**
 * @param {string} name  of the element, with its classes: `p.hint`
 * @param {Attributes | null} attributes  null, undefined and false: none
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function element(name, attributes, ...children) {
  const [tag = '', ...classes] = name.split('.');
  return /** @type {HTMLElement} */ (furnish(document.createElement(tag), classes, attributes, children));
}

/** @param {string} name @param {Attributes | null} attributes @param {...(Child | Child[])} children */
export function graphic(name, attributes, ...children) {
  const [tag = '', ...classes] = name.split('.');
  return furnish(document.createElementNS(SVG, tag), classes, attributes, children);
}

/** @param {Element} made @param {string[]} classes @param {Attributes | null} attributes @param {(Child | Child[])[]} children */
function furnish(made, classes, attributes, children) {
  if (classes.length > 0) made.setAttribute('class', classes.join(' '));
  for (const [attribute, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(attribute, value === true ? '' : String(value));
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) made.append(child);
  return made;
}

/** Makes the children of `shown` equal to these, keeping elements, and so focus, where they are alike. @param {Element} shown @param {Child[]} children */
export function redraw(shown, children) {
  const wanted = document.createElement('div');
  wanted.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  matchChildren(shown, wanted);
}

/** @param {Element} shown @param {Element} wanted */
function matchChildren(shown, wanted) {
  const keyed = new Map([...shown.children].filter(keyOf).map((child) => [keyOf(child), child]));
  let place = shown.firstChild;
  for (const next of [...wanted.childNodes]) {
    const key = keyOf(next);
    const found = key === null ? (place !== null && keyOf(place) === null ? place : null) : (keyed.get(key) ?? null);
    if (found === null || found.nodeName !== next.nodeName) {
      shown.insertBefore(next, place);
      continue;
    }
    if (found === place) place = place.nextSibling;
    else shown.insertBefore(found, place);
    match(found, next);
  }
  while (place !== null) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

/** @param {Node} shown @param {Node} wanted */
function match(shown, wanted) {
  if (shown instanceof Element && wanted instanceof Element) {
    for (const { name } of [...shown.attributes]) if (!wanted.hasAttribute(name) && name !== 'open') shown.removeAttribute(name);
    for (const { name, value } of wanted.attributes) if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
    matchChildren(shown, wanted);
  } else if (shown.nodeValue !== wanted.nodeValue) {
    shown.nodeValue = wanted.nodeValue;
  }
}

/** @param {Node} node */
function keyOf(node) {
  return node instanceof Element ? node.getAttribute('data-key') : null;
}
