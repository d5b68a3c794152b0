// @ts-check
/** Goes on as soon as the account is set up; after a while it says what is wrong instead. */
import { createSessionClient } from '/sessionwire/client/index.js';

const PATIENCE = 15_000;

/** @param {string} id @returns {HTMLElement} */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const progress = byId('progress');
const { target = '/', signIn = '/sign-in' } = progress.dataset;
const client = createSessionClient();

/** @param {string} step @param {string} state */
function mark(step, state) {
  progress.querySelector(`[data-step="${step}"]`)?.setAttribute('data-state', state);
}

/** @param {string} path one that the server has found safe */
function leave(path) {
  clearTimeout(timer);
  undo();
  client.close();
  location.replace(path);
}

const timer = setTimeout(() => {
  if (progress.hidden) return;
  progress.hidden = true;
  byId('trouble').hidden = false;
  byId('trouble').focus();
}, PATIENCE);

let undo = () => {};
undo = client.session.subscribe(({ data, isPending }) => {
  if (isPending) return;
  if (data === null) return leave(signIn);
  if (!data.user.onboarded) return;
  mark('workspace', 'done');
  mark('ready', 'done');
  byId('status').textContent = 'Ready.';
  leave(target);
});
