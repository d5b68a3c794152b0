// @ts-check
/** The public face of the client; `index.d.ts` says what each name gives. */
export { createSessionClient } from './session.js';
