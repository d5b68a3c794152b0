// @ts-check
/** What forms can do beyond HTML: show a password, and be sent once. Without it they work all the same. */

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('.reveal'))) {
  const input = /** @type {HTMLInputElement} */ (document.getElementById(button.getAttribute('aria-controls') ?? ''));
  button.hidden = false;
  button.addEventListener('click', () => {
    const isShown = input.type === 'text';
    input.type = isShown ? 'password' : 'text';
    button.setAttribute('aria-pressed', String(!isShown));
  });
}

for (const form of document.forms) {
  let isSent = false;
  form.addEventListener('submit', (event) => {
    if (isSent) event.preventDefault();
    isSent = true;
    for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll('.secret input'))) {
      input.type = 'password'; // what is shown would be kept by the browser as a text that was typed
    }
    event.submitter?.setAttribute('aria-busy', 'true');
  });
  window.addEventListener('pageshow', () => {
    isSent = false;
    form.querySelector('[aria-busy]')?.removeAttribute('aria-busy');
  });
}
