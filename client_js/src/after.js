// @ts-check
/**
 * What a client does once it has shown who is signed in: it calls, keeps its promises about versions, and follows the
 * other tabs. It is loaded then, or when the first of these is asked for: nothing is shown by it.
 */
import { createHttp } from './http.js';
import { createReach } from './reach.js';
import { createTabs } from './tabs.js';

const UNTIL_WITHIN = 10_000;

/**
 * @param {Omit<Parameters<typeof createHttp>[0], 'reached'> & {url: string, WebSocket: unknown}} ports
 */
export function createAfter(ports) {
  const { url, live, environment, WebSocket } = ports;
  const reached = createReach(live, environment, WebSocket !== undefined);
  return {
    perform: createHttp({ ...ports, reached }),
    close: createTabs(url, live),

    /** @param {string} version */
    async until(version) {
      if (await reached(version, UNTIL_WITHIN)) return;
      throw new Error(`Version ${version} is not shown; the connection is ${live.session.get().status}.`);
    },
  };
}
