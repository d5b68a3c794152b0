/** Who a handshake speaks for, by the cookies and the database that the server under test uses. */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const COOKIE = 'sessionwire.session_token';

const key = createHmac('sha256', process.env.SECRET).update('sessionwire.session_token').digest();

/** The session token of a well-signed cookie, or null. */
function tokenOf(header) {
  const at = header?.indexOf(`${COOKIE}=`) ?? -1;
  if (at < 0) return null;
  const value = header.slice(at + COOKIE.length + 1).split(';', 1)[0];
  const dot = value.lastIndexOf('.');
  if (dot < 0) return null;
  const token = value.slice(0, dot);
  const given = Buffer.from(value.slice(dot + 1), 'base64url');
  const expected = createHmac('sha256', key).update(token).digest();
  return given.length === expected.length && timingSafeEqual(given, expected) ? token : null;
}

const USER = ['name', 'email', 'emailVerified', 'image', 'createdAt', 'updatedAt', 'activeOrganizationId'];
const ORGANIZATION = ['name', 'slug', 'logo', 'createdAt'];

function pick(document, fields) {
  const shown = { id: String(document._id) };
  for (const field of fields) shown[field] = document[field] ?? null;
  return shown;
}

/** The state of one connection: null when the cookie names no session that stands. */
export async function identify(database, header) {
  const token = tokenOf(header);
  if (token === null) return null;
  const hashed = createHash('sha256').update(token).digest('hex');
  const session = await database.collection('session').findOne({ token: hashed });
  if (session === null || session.expiresAt <= new Date()) return null;
  return { session, ...(await load(database, session.userId)) };
}

/** A user, their active organization and their role in it. */
export async function load(database, userId) {
  const [user, memberships] = await Promise.all([
    database.collection('user').findOne({ _id: userId }),
    database.collection('member').find({ userId }).toArray(),
  ]);
  const active = String(user?.activeOrganizationId);
  const member = memberships.find((each) => String(each.organizationId) === active) ?? null;
  const organization =
    member && (await database.collection('organization').findOne({ _id: member.organizationId }));
  return { user, member, organization };
}

/** What the client is sent at first. */
export function shown({ session, user, member, organization }) {
  return {
    session: { id: String(session._id), expiresAt: session.expiresAt, createdAt: session.createdAt },
    user: pick(user, USER),
    organization: organization && pick(organization, ORGANIZATION),
    role: member?.role ?? null,
  };
}

/** An update event as JSON Patch (RFC 6902) of what the client holds; null when it shows none. */
export function patchOf(root, change) {
  const fields = root === '/user' ? USER : ORGANIZATION;
  const patch = [];
  const { updatedFields, removedFields } = change.updateDescription;
  for (const path in updatedFields) {
    if (fields.includes(path)) {
      patch.push({ op: 'replace', path: `${root}/${path}`, value: updatedFields[path] });
    }
  }
  for (const path of removedFields ?? []) {
    if (fields.includes(path)) patch.push({ op: 'replace', path: `${root}/${path}`, value: null });
  }
  return patch.length ? patch : null;
}

/** One change stream for the whole process; it follows the collections that are shown. */
export function follow(database, route) {
  const collections = ['user', 'session', 'organization', 'member'];
  const stream = database.watch(
    [
      {
        $match: {
          'ns.coll': { $in: collections },
          operationType: { $in: ['insert', 'update', 'replace', 'delete'] },
        },
      },
    ],
    { batchSize: 1000 },
  );
  stream.on('change', route);
  stream.on('error', (error) => {
    console.error(error);
    process.exit(1);
  });
  return new Promise((resolve) => stream.once('resumeTokenChanged', resolve));
}
