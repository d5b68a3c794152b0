// @ts-check
/**
 * Lets the client make a request of better-auth's as if it was its own: it holds its connection meanwhile, foresees the
 * result, and waits until that is shown.
 */

/** @typedef {() => Promise<Response>} Run */

/** @param {typeof fetch} fetch  for the client's own requests */
export function createCarrier(fetch) {
  /** What better-auth wants to send, by path, until the client comes to it. @type {Map<string, Run[]>} */
  const waiting = new Map();

  return {
    /** @type {typeof globalThis.fetch} */
    fetch: (url, init) => {
      const path = new URL(String(url)).pathname.split('/api/auth')[1] ?? '';
      const run = waiting.get(path)?.shift();
      return run ? run() : fetch(url, init);
    },

    /**
     * @param {import('./index.js').SessionClient} client
     * @param {string} path
     * @param {any} body
     * @param {Run} run
     */
    async carry(client, path, body, run) {
      /** @type {Promise<Response> | undefined} */
      let running;
      const queue = waiting.get(path) ?? [];
      waiting.set(path, queue);
      const take = () => (running = run()).then((response) => response.clone());
      queue.push(take);
      await findCall(client, path)(body);
      const left = queue.indexOf(take); // the client could not even begin
      if (left >= 0) queue.splice(left, 1);
      return running ?? run();
    },
  };
}

/** @param {any} client @param {string} path @returns {(body: any) => Promise<unknown>} */
function findCall(client, path) {
  const names = path.slice(1).split('/').map((name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase()));
  return names.reduce((target, name) => target[name], client);
}
