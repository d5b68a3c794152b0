// @ts-check
/**
 * What one tab wants of the shared connection, by one of its subscriptions, and what of that it was told.
 *
 * @typedef {{data?: unknown, tag?: string, error?: any}} Answer  `data` is missing while an asker's tag has named it
 *
 * What one tab wants. The fields below the line change as it is told.
 * @typedef {object} Wish
 * @property {number} id
 * @property {string} key          of its query and args, by `keyOf`
 * @property {string} query
 * @property {Record<string, unknown>} args
 * @property {string} since
 * @property {string | null} tag    of the data that it has
 * --
 * @property {Answer | null} told   what it was told on this wire
 * @property {boolean} isOwed       it shows what another wire said, which this one has to confirm
 */
import { canonical, newer } from './frame.js';
import { UNDECIDED } from './ledger.js';

/** @param {import('./ledger.js').Asked} asked @param {string} version  the newest that the tab was told @returns {Wish} */
export function toWish({ id, query, args, since, tag, isConfirmed }, version) {
  const key = keyOf({ query, args });
  return { id, key, query, args, since: newer(since, version), tag, told: null, isOwed: isConfirmed };
}

/** @param {Wish} wish @param {Answer} answer @returns {object} the result for its tab */
export function tell(wish, answer) {
  const { id, tag } = wish;
  const { error } = answer;
  wish.told = answer;
  wish.isOwed = false;
  if (error?.code === UNDECIDED) return { id, error };
  wish.tag = error ? null : (answer.tag ?? null);
  if (error) return { id, error };
  return answer.tag === tag ? { id, unchanged: true, tag } : { id, data: answer.data, tag: answer.tag };
}

/** Equal for equal (query, args). @param {{query: string, args: Record<string, unknown>}} asked */
function keyOf({ query, args }) {
  return query + canonical(args);
}
