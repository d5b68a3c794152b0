// @ts-check
/** A page without a browser, for the frameworks that need one: to be imported before them. */
// @ts-expect-error: it has no types
import { JSDOM } from 'jsdom';

const { window } = new JSDOM('<!doctype html><div id="root"></div>', {
  url: 'http://example.test/',
  pretendToBeVisual: true,
});

Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
const names = ['HTMLElement', 'SVGElement', 'MathMLElement', 'ShadowRoot', 'Element', 'Node', 'Text', 'Comment', 'Event'];
for (const name of [...names, 'CustomEvent', 'localStorage', 'location', 'navigator']) {
  Object.defineProperty(globalThis, name, { value: /** @type {any} */ (window)[name], configurable: true });
}

/** An empty element in the page. */
export function createRoot() {
  const root = document.createElement('div');
  document.body.append(root);
  return root;
}
