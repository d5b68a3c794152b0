/** A browser whose page has the official client with the plugin, and a WebSocket that sends the cookies. */

import { createAuthClient } from 'better-auth/react';
import { organizationClient } from 'better-auth/client/plugins';
import { WebSocket } from 'undici';

import { sessionwire } from '../../../client_js/src/better-auth.js';
import { Browser } from './browser.mjs';
import { until } from './check.mjs';
import { render } from './page.mjs';

// Each page is the only tab of a browser of its own; through this, they would speak to each other.
delete globalThis.BroadcastChannel;

const { ADDRESS, WIRE = ADDRESS } = process.env;

export class Page extends Browser {
  /** @param {object} [options] of the plugin */
  static open(options = {}) {
    const page = new Page();
    page.show(options);
    return page;
  }

  /** A page of the person's browser. */
  static of(person, options = {}) {
    const page = new Page();
    page.jar = person.jar;
    page.show(options);
    return Object.assign(page, { me: person.me, email: person.email, password: person.password });
  }

  show(options) {
    const page = this;
    const fetch = (url, request) => this.fetch(url, request);
    this.sockets = [];
    this.hooked = [];
    class Socket extends WebSocket {
      constructor(url, protocols) {
        const cookie = [...page.jar].map(([name, value]) => `${name}=${value}`).join('; ');
        const headers = { origin: page.address, ...(cookie && { cookie }) };
        super(url.replace(/^http/, 'ws'), { protocols, headers });
        page.sockets.push(this);
      }
    }
    this.client = createAuthClient({
      baseURL: this.address,
      plugins: [sessionwire({ baseURL: WIRE, WebSocket: Socket, fetch, ...options }), organizationClient()],
      fetchOptions: { customFetchImpl: fetch },
    });
    this.wire = this.client.getSessionClient();
  }

  /** Mounts a component with these hooks of the client; gives what each says. */
  async mount(...names) {
    const hooks = names.map((name) => {
      const hook = render(this.client[name]);
      this.hooked.push(hook);
      return hook;
    });
    await until(() => hooks.every(({ now }) => now.isPending === false && !now.isRefetching), names.join());
    return hooks;
  }

  /** Until the wire is live, and no request has been made for a while. */
  async settled(within) {
    await until(() => this.wire.session.get().status === 'live', 'the wire is live', within);
    await this.quiet();
  }

  /** Until no request has been made for a while. */
  async quiet(milliseconds = 300) {
    for (let asked = -1; asked !== this.requests.length; ) {
      asked = this.requests.length;
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
    }
  }

  close() {
    for (const hook of this.hooked) hook.unmount();
    this.wire.close();
  }
}
