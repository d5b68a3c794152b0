import { useActiveOrganization, useOrganizations, useQuery, useSession, useSessionClient, useSwitching } from 'sessionwire/react';

export function Dashboard() {
  const client = useSessionClient();
  const name = useSession(({ data }) => data?.user.name);
  const status = useSession((session) => session.status);
  return (
    <main>
      <header>
        <h1>{name}</h1>
        <output data-status={status}>{status}</output>
        <button className="plain" onClick={() => client.signOut()}>Sign out</button>
      </header>
      <Organizations />
      <Profile key={name} name={name} />
      <Devices />
    </main>
  );
}

function Organizations() {
  const { organization } = useSessionClient();
  const organizations = useOrganizations().data ?? [];
  const active = useActiveOrganization().data;
  const { status, error } = useSwitching();
  const create = (form) => organization.create({ name: form.get('name'), slug: crypto.randomUUID() });
  return (
    <section>
      <h2>Organization</h2>
      <select
        aria-label="Active organization"
        aria-busy={status === 'switching'}
        value={active?.id ?? ''}
        onChange={({ target }) => organization.setActive({ organizationId: target.value })}
      >
        {!active && <option value="">None</option>}
        {organizations.map(({ id, name, role }) => <option key={id} value={id}>{name} ({role})</option>)}
      </select>
      {error && <p role="alert">{error.message}</p>}
      <ul>
        {active?.members.map(({ id, role, user }) => <li key={id}>{user.name}<small>{role}</small></li>)}
      </ul>
      <form action={create}>
        <input name="name" aria-label="Name of the new organization" placeholder="New organization" required />
        <button>Create</button>
      </form>
    </section>
  );
}

function Profile({ name }) {
  const client = useSessionClient();
  return (
    <section>
      <h2>Profile</h2>
      <form action={(form) => client.updateUser({ name: form.get('name') })}>
        <input name="name" aria-label="Your name" defaultValue={name} required />
        <button>Save</button>
      </form>
    </section>
  );
}

function Devices() {
  const client = useSessionClient();
  const { data } = useQuery('devices');
  return (
    <section>
      <h2>Devices</h2>
      <ul>
        {data?.map(({ id, userAgent, createdAt, current }) => (
          <li key={id}>
            <span title={userAgent}>{userAgent?.match(/Firefox|Edg|Chrome|Safari/)?.[0] ?? 'A program'}</span>
            <small>since {new Date(createdAt).toLocaleString()}</small>
            {current
              ? <small>this one</small>
              : <button className="plain" onClick={() => client.revokeSession({ token: id })}>Sign out</button>}
          </li>
        ))}
      </ul>
    </section>
  );
}
