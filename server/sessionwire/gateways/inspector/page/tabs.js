// @ts-check
/** The two lists as tabs: arrows move between them, and only one is in the way of the Tab key. */

/** @param {readonly HTMLElement[]} tabs @param {(name: string) => void} choose */
export function createTabs(tabs, choose) {
  const show = (/** @type {string} */ name) => {
    for (const tab of tabs) {
      const isShown = tab.dataset.name === name;
      tab.setAttribute('aria-selected', String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute('aria-controls') ?? '');
      if (panel !== null) panel.hidden = !isShown;
    }
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener('click', () => choose(tab.dataset.name ?? ''));
    tab.addEventListener('keydown', ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      const next = step === undefined ? undefined : tabs.at((index + step) % tabs.length);
      if (next === undefined) return;
      next.focus();
      choose(next.dataset.name ?? '');
    });
  });
  return { show };
}
