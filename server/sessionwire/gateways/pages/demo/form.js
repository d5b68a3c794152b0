// @ts-check
/** Forms that call the server: busy while it thinks, its message beside the fields, edits never overwritten. */
import { tell, within } from './page.js';

/**
 * @typedef {import('/sessionwire/client/index.js').Outcome<unknown>} Outcome
 */

/**
 * @param {HTMLFormElement} form
 * @param {(values: Record<string, string>) => Promise<Outcome>} call
 * @param {() => void} [done]  after a success
 */
export function onSubmit(form, call, done = () => {}) {
  const error = within(form, '.error');
  form.addEventListener('input', () => tell(error, null));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const fields = /** @type {HTMLInputElement[]} */ ([...form.elements]);
    const missing = fields.find(({ validity }) => validity?.valid === false);
    if (missing !== undefined) return complain(error, missing);
    const values = /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form)));
    if (await run(within(form, 'button.primary'), error, () => call(values))) done();
  });
}

/** @param {HTMLElement} error @param {HTMLInputElement} field */
function complain(error, field) {
  const label = field.labels?.[0]?.textContent?.trim() ?? 'This field';
  tell(error, `${label}: ${field.validationMessage}`);
  field.focus();
}

/**
 * Runs one call for a button.
 *
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} error
 * @param {() => Promise<Outcome>} call
 * @returns {Promise<boolean>} whether it succeeded
 */
export async function run(button, error, call) {
  if (button.getAttribute('aria-busy') === 'true') return false;
  button.setAttribute('aria-busy', 'true');
  tell(error, null);
  const outcome = await call();
  button.removeAttribute('aria-busy');
  tell(error, outcome.error?.message ?? null);
  return outcome.error === null;
}

/**
 * Keeps a field at the live value, unless somebody is editing it.
 *
 * @param {HTMLInputElement} field
 */
export function liveField(field) {
  let live = '';
  return {
    /** Forgets an edit: the field is somebody else's now. */
    reset() {
      field.value = live;
    },
    /** @param {string} value @returns {boolean} whether an edit stands against it */
    show(value) {
      const isEdited = field.value.trim() !== live;
      const isNews = value !== live;
      live = value;
      if (!isEdited) field.value = value;
      return isEdited && isNews && field.value.trim() !== value;
    },
  };
}
