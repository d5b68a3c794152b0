// @ts-check
/**
 * What the wire shows, in the shapes of better-auth's hooks. Pure. Dates are Date objects, as its parser makes them;
 * fields that only HTTP carries (a token, metadata, fields of the application) are kept from what was there before.
 *
 * @typedef {object} Shown
 * @property {any} session        data of the queries of these names
 * @property {any} organizations
 * @property {any} organization
 */

/** As better-auth's parser recognizes them. */
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$/;

/**
 * By atom: the data to show over `previous`.
 *
 * @type {Record<string, (previous: any, shown: Shown) => any>}
 */
export const shapes = {
  session: (previous, { session }) =>
    session && {
      ...previous,
      ...revive(session),
      session: over(previous?.session, session.session),
      user: over(previous?.user, session.user),
    },

  listOrganizations: (previous, { organizations }) =>
    organizations?.map((/** @type {any} */ { role, active, ...organization }) => over(find(previous, organization), organization)),

  activeOrganization: (previous, { organization }) => {
    if (!organization) return null;
    const { role, members, invitations, ...rest } = organization;
    const before = previous?.id === rest.id ? previous : null;
    const within = (/** @type {any} */ old, /** @type {any[]} */ items) =>
      items.map((item) => ({ organizationId: rest.id, ...over(find(old, item), item) }));
    return {
      ...over(before, rest),
      members: within(before?.members, members),
      invitations: within(before?.invitations, invitations),
    };
  },

  activeMember: (previous, { session, organization }) => {
    const member = organization?.members.find((/** @type {any} */ { userId }) => userId === session?.user.id);
    return member ? { organizationId: organization.id, ...over(previous, member) } : null;
  },

  activeMemberRole: (_, { session }) => (session?.role ? { role: session.role } : null),
};

/** Whether HTTP knows fields of the session or the user that the wire does not. @param {any} read @param {any} session */
export function hasMore(read, session) {
  return ['session', 'user'].some((part) =>
    Object.keys(read[part]).some((name) => name !== 'token' && !(name in session[part])),
  );
}

/**
 * `next`, with every part that equals the same part of `previous` replaced by it. Unlike that of the core it knows dates.
 *
 * @param {any} previous
 * @param {any} next
 * @returns {any}
 */
export function keep(previous, next) {
  if (previous instanceof Date && next instanceof Date) return Number(previous) === Number(next) ? previous : next;
  const kind = next?.constructor;
  if ((kind !== Object && kind !== Array) || previous?.constructor !== kind) return next;
  const names = Object.keys(next);
  const kept = Array.isArray(next) ? [...next] : { ...next };
  for (const name of names) kept[name] = keep(previous[name], next[name]);
  const isSame = names.length === Object.keys(previous).length && names.every((name) => kept[name] === previous[name]);
  return isSame ? previous : kept;
}

/** @param {any} previous  used when it is the same document @param {any} document */
function over(previous, document) {
  return { ...(previous?.id === document.id ? previous : null), ...revive(document) };
}

/** @param {any} list @param {{id: string}} document */
function find(list, { id }) {
  return list?.find?.((/** @type {any} */ each) => each.id === id);
}

/** @param {any} value @returns {any} */
function revive(value) {
  if (typeof value === 'string') return DATE.test(value) ? new Date(value) : value;
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, revive(part)]));
}
