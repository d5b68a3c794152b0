/** The official better-auth client (1.7), live. */
import type { ClientOptions, SessionClient } from './index.js';

/** A better-auth client plugin. */
export interface SessionwirePlugin {
  readonly id: 'sessionwire';
  getActions(
    $fetch: unknown,
    $store: { atoms: Record<string, any> },
    options?: any,
  ): {
    /**
     * The client behind the hooks, for what better-auth has no hook for: `session.get().reason` says why a session
     * ended, `status` whether it is live, `query` shows your own queries.
     */
    getSessionClient(): SessionClient;
  };
  readonly fetchPlugins: {
    id: string;
    name: string;
    init(url: string, options?: any): Promise<{ url: string; options: any }>;
  }[];
}

/**
 * `createAuthClient({ plugins: [sessionwire(), organizationClient()] })` makes `useSession`, `useListOrganizations`,
 * `useActiveOrganization`, `useActiveMember` and `useActiveMemberRole` live.
 *
 * - What changes anywhere is pushed into the hooks. A session that was ended elsewhere shows `data: null` at once; a
 *   lost connection changes nothing.
 * - Dates are `Date` objects, as better-auth makes them, and equal data keep their identity.
 * - Fields that only HTTP carries (such as `token`, `metadata` or fields of your own) are as better-auth last read them.
 * - It turns `sessionOptions.refetchOnWindowFocus` off, unless you state it.
 * - The server must serve the live wire beside better-auth's routes: by default at `/live` of `baseURL`'s origin.
 */
export function sessionwire(options?: ClientOptions): SessionwirePlugin;
