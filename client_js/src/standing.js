// @ts-check
/**
 * Where a subscription stands on the present connection.
 *
 * UNASKED ──subscribe──▶ ASKED ──result──▶ CURRENT ⇄ BEHIND (the server cannot vouch for the data)
 *                          └────error────▶ REFUSED
 */
export const UNASKED = 0;
export const ASKED = 1;
export const CURRENT = 2;
export const BEHIND = 3;
export const REFUSED = 4;
