// @ts-check
/** How long something took, how often: counts by upper bound, as the server keeps them. */

const BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/** @typedef {{bounds: readonly number[], counts: readonly number[]}} Counts  bounds in milliseconds, and one count more */

export function createHistogram() {
  const counts = new Array(BOUNDS.length + 1).fill(0);
  return {
    bounds: BOUNDS,
    counts,
    /** @param {number} milliseconds */
    add(milliseconds) {
      const place = BOUNDS.findIndex((bound) => milliseconds <= bound);
      counts[place < 0 ? BOUNDS.length : place] += 1;
    },
  };
}

/** The server counts in seconds. @param {[number[], number[]] | undefined} told @returns {Counts} */
export function countsOf(told) {
  const [bounds, counts] = told ?? [[], [0]];
  return { bounds: bounds.map((seconds) => seconds * 1000), counts };
}

/** @param {Counts} histogram */
export function totalOf({ counts }) {
  return counts.reduce((sum, each) => sum + each, 0);
}

/**
 * The bound below which a share of all lies; null: there is none, or beyond all bounds.
 *
 * @param {Counts} histogram @param {number} share
 */
export function quantile({ bounds, counts }, share) {
  const wanted = totalOf({ bounds, counts }) * share;
  let sum = 0;
  for (const [index, each] of counts.entries()) {
    sum += each;
    if (sum > 0 && sum >= wanted) return bounds[index] ?? null;
  }
  return null;
}
