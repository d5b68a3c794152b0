// @ts-check
/** What a signed-out visitor sees: why, if the session was ended, and the two ways in. */
import { onSubmit } from './form.js';
import { byId, tell } from './page.js';
import { wordReason } from './words.js';

/** @typedef {import('/sessionwire/client/index.js').SessionClient} SessionClient */

/** @param {SessionClient} client */
export function createLanding(client) {
  const [signIn, signUp] = [byId('sign-in'), byId('sign-up')];
  const panels = [byId('panel-sign-in'), byId('panel-sign-up')];
  const selectTab = connectTabs([byId('tab-sign-in'), byId('tab-sign-up')], panels);
  const clear = () => [signIn, signUp].forEach((form) => form.reset());
  onSubmit(signIn, ({ email = '', password = '' }) => client.signIn.email({ email, password }), clear);
  onSubmit(signUp, ({ name = '', email = '', password = '' }) => client.signUp.email({ name, email, password }), clear);

  return {
    element: byId('landing'),
    /** @param {import('/sessionwire/client/index.js').State<unknown>} session */
    show({ reason }) {
      const banner = byId('reason');
      tell(banner, reason === null ? null : wordReason(reason));
      banner.classList.toggle('calm', reason === 'signed_out');
    },
    open: () => selectTab(0),
    close: () => {},
  };
}

/**
 * The tabs pattern of the ARIA practices: arrows move, one tab is in the tab order.
 *
 * @param {HTMLElement[]} tabs
 * @param {HTMLElement[]} panels
 */
function connectTabs(tabs, panels) {
  const select = (/** @type {number} */ chosen) => {
    tabs.forEach((tab, index) => {
      tab.setAttribute('aria-selected', String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
      /** @type {HTMLElement} */ (panels[index]).hidden = index !== chosen;
    });
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener('click', () => select(index));
    tab.addEventListener('keydown', ({ key }) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (step === undefined) return;
      const next = (index + step + tabs.length) % tabs.length;
      select(next);
      tabs[next]?.focus();
    });
  });
  return select;
}
