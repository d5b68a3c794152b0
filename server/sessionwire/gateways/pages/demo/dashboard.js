// @ts-check
/** What a signed-in user sees; its queries are subscribed while it is open. */
import { connectPassword, createDevices, createProfile } from './account.js';
import { createBar } from './bar.js';
import { createMirror } from './mirror.js';
import { createOrganization } from './organization.js';
import { byId } from './page.js';

/**
 * @typedef {import('/sessionwire/client/index.js').SessionClient} SessionClient
 * @typedef {import('/sessionwire/client/index.js').SessionData} SessionData
 * @typedef {import('/sessionwire/client/index.js').State<SessionData>} SessionState
 */

/** @param {SessionClient} client */
export function createDashboard(client) {
  const bar = createBar(client);
  const showProfile = createProfile(client);
  const showDevices = createDevices(client);
  const showOrganization = createOrganization(client);
  connectPassword(client);
  /** @type {ReturnType<typeof createMirror> | null} */
  let mirror = null;
  /** @type {(() => void)[]} */
  let subscriptions = [];

  return {
    element: byId('dashboard'),

    /** @param {SessionState} session */
    show(session) {
      bar.showSession(session);
      if (session.data === null) return;
      showProfile(session.data.user);
      mirror?.showUser(session.data.user);
    },

    open() {
      mirror ??= createMirror();
      subscriptions = [
        client.query('organizations').subscribe(bar.showOrganizations),
        client.query('organization').subscribe(showOrganization),
        client.query('devices').subscribe(({ data }) => showDevices(data)),
      ];
    },

    close() {
      for (const undo of subscriptions) undo();
      subscriptions = [];
    },
  };
}
