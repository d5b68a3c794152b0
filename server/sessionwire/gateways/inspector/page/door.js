// @ts-check
/** What somebody sees who may not watch, or not yet: why, and the two ways in. */
import { byId } from './draw.js';
import { ask } from './feed.js';

const KEPT_AS = 'sessionwire.inspector.token';

/** The admin token, for this tab only. */
export const token = {
  /** @returns {string | null} */
  get: () => sessionStorage.getItem(KEPT_AS),
  forget: () => sessionStorage.removeItem(KEPT_AS),
  /** @param {string} given */
  keep: (given) => sessionStorage.setItem(KEPT_AS, given),
};

/** @param {() => void} enter  who knocked may watch */
export function createDoor(enter) {
  const [door, form, error] = [byId('door'), byId('door-form'), byId('door-error')];
  form.addEventListener('submit', async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const { token: field } = form.elements;
    const said = await refusal(field.value.trim());
    error.hidden = said === null;
    error.textContent = said ?? '';
    if (said !== null) return field.focus();
    token.keep(field.value.trim());
    form.reset();
    enter();
  });
  return {
    /** @param {number} status @param {string} why */
    show(status, why) {
      const isVisitor = status === 401;
      byId('door-title').textContent = isVisitor ? 'Sign in to watch' : 'Only administrators may watch';
      byId('door-why').textContent = token.get() !== null ? 'The admin token of this tab is not accepted any more.' : isVisitor
        ? 'The inspector shows what this server does for everybody, so it is for administrators.'
        : `You are signed in, but your account is not an administrator's. ${why}`;
      byId('door-sign-in').textContent = isVisitor ? 'Sign in' : 'Sign in with another account';
      byId('door-sign-in').href = isVisitor ? '/sign-in?redirect=%2Finspector' : '/sign-out?redirect=%2Finspector';
      token.forget();
      door.hidden = false;
      byId('watch').hidden = true;
      byId('door-title').focus();
    },
    hide() {
      door.hidden = true;
      byId('watch').hidden = false;
    },
  };
}

/** Why the token opens nothing; null: it does. @param {string} given */
async function refusal(given) {
  if (!/^[\x21-\x7e]+$/.test(given)) return 'Enter the token: SESSIONWIRE_ADMIN_TOKEN of the server.';
  try {
    const answer = await ask('/inspector/process', given);
    if (answer.ok) return null;
    return answer.status === 401 || answer.status === 403 ? 'This is not the admin token of this server.' : `The server answered ${answer.status}. Try again.`;
  } catch {
    return 'The server cannot be reached. Try again.';
  }
}
