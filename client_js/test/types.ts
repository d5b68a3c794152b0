/** What the types promise a developer; checked by `npm run types`, never run. */
import { createSessionClient, type State, type User } from 'sessionwire';
import { sessionwire } from 'sessionwire/better-auth';
import * as react from 'sessionwire/react';
import * as solid from 'sessionwire/solid';
import * as svelte from 'sessionwire/svelte';
import * as vue from 'sessionwire/vue';
import { createAuthClient } from 'better-auth/react';
import { organizationClient } from 'better-auth/client/plugins';

interface Project {
  id: string;
}

declare module 'sessionwire' {
  interface Queries {
    'types.projects': Project[];
  }
  interface User {
    readonly typesPlan?: 'free' | 'pro';
  }
}

/** Compiles when the two are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const client = createSessionClient();
const projects = client.query('types.projects').get();
same<typeof projects, State<Project[]>>(true);
same<NonNullable<ReturnType<typeof client.session.get>['data']>['user'], User>(true);
same<User['typesPlan'], 'free' | 'pro' | undefined>(true);

const name = react.useSession(({ data }) => data?.user.name);
same<typeof name, string | undefined>(true);
const inReact = react.useQuery('types.projects');
same<typeof inReact, State<Project[]>>(true);
const ids = react.useQuery('types.projects', {}, ({ data }) => data?.map(({ id }) => id));
same<typeof ids, string[] | undefined>(true);
const user = react.useQuery(client.api.auth.getCurrentUser);
same<typeof user, State<User>>(true);
const unknown = react.useQuery('not.declared');
same<typeof unknown, State<unknown>>(true);
const inVue = vue.useQuery('types.projects', () => ({ page: 1 }));
same<typeof inVue.value, State<Project[]>>(true);
const inSolid = solid.useQuery('types.projects', () => ({ page: 1 }));
same<ReturnType<typeof inSolid>, State<Project[]>>(true);
const inSvelte = svelte.useQuery('types.projects');
same<ReturnType<typeof inSvelte.get>, State<Project[]>>(true);

const authClient = createAuthClient({ plugins: [sessionwire({ path: '/live' }), organizationClient()] });
const auth = authClient.useSession();
same<typeof auth.data, null>(false);
const email: string | undefined = auth.data?.user.email;
const list = authClient.useListOrganizations().data;
const reason: string | null = authClient.getSessionClient().session.get().reason;
void [email, list?.[0]?.slug, reason];
