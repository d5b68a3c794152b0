/** A page for React to run in: jsdom's, made before anything asks for a window. */

import { JSDOM } from 'jsdom';

const page = new JSDOM('<!doctype html><div id="root"></div>', { url: process.env.ADDRESS });
const { window } = page;

for (const name of ['window', 'document', 'localStorage', 'navigator']) {
  Object.defineProperty(globalThis, name, { value: window[name], configurable: true });
}

const { createElement } = await import('react');
const { createRoot } = await import('react-dom/client');

/** What hooks of one component said, newest last. */
export function render(hook) {
  const shown = [];
  function Component() {
    shown.push(hook());
    return null;
  }
  const root = createRoot(document.createElement('div'));
  root.render(createElement(Component));
  return {
    shown,
    get now() {
      return shown.at(-1) ?? {};
    },
    unmount: () => root.unmount(),
  };
}

/** The tab comes to the front. */
export function becomeVisible() {
  Object.defineProperty(document, 'visibilityState', { value: 'visible', configurable: true });
  document.dispatchEvent(new window.Event('visibilitychange'));
}

/** The browser says whether there is a network. */
export function network(event) {
  window.dispatchEvent(new window.Event(event));
}

/** Another tab wrote to the storage that the two share. */
export function hearOtherTab(key, value) {
  window.dispatchEvent(new window.StorageEvent('storage', { key, newValue: value }));
}
