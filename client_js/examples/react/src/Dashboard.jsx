import { useActiveOrganization, useOrganizations, useQuery, useSession, useSessionClient, useSwitching } from 'sessionwire/react';

export function Dashboard() {
  return (
    <>
      <Bar />
      <main><Organization /><Profile /><Devices /></main>
    </>
  );
}

function Bar() {
  const client = useSessionClient();
  const active = useSession(({ data }) => data?.organization);
  const status = useSession((session) => session.status);
  const organizations = useOrganizations().data;
  const { error, status: switching } = useSwitching();
  const change = ({ target }) => client.organization.setActive({ organizationId: target.value });
  return (
    <header>
      <span className="tile" aria-hidden="true">{active?.name[0]}</span>
      <select aria-label="Active organization" aria-busy={switching === 'switching'} value={active?.id ?? ''} onChange={change}>
        {!active && <option value="">No organization</option>}
        {organizations?.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
      </select>
      {error && <p role="alert">{error.message}</p>}
      <output data-status={status}>{status}</output>
      <button className="plain" onClick={() => client.signOut()}>Sign out</button>
    </header>
  );
}

function Organization() {
  const client = useSessionClient();
  const { data } = useActiveOrganization();
  const create = (form) => client.organization.create({ name: form.get('name'), slug: crypto.randomUUID() });
  return (
    <section className="wide">
      <h1>{data?.name ?? 'No organization yet'}</h1>
      <ul>
        {data?.members.map(({ id, role, user }) => (
          <li key={id}>
            <span className="tile round" aria-hidden="true">{user.name[0]}</span>
            <span>{user.name} <small>{user.email}</small></span>
            <em>{role}</em>
          </li>
        ))}
      </ul>
      <form action={create}>
        <input name="name" aria-label="Name of the new organization" placeholder="New organization" required />
        <button>Create</button>
      </form>
    </section>
  );
}

function Profile() {
  const client = useSessionClient();
  const name = useSession(({ data }) => data?.user.name);
  return (
    <section>
      <h2>Profile</h2>
      <form key={name} action={(form) => client.updateUser({ name: form.get('name') })}>
        <input name="name" aria-label="Your name" autoComplete="name" defaultValue={name} required />
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
            <span title={userAgent}>
              {userAgent?.match(/Firefox|Edg|Chrome|Safari/)?.[0] ?? 'A program'} <small>since {new Date(createdAt).toLocaleString()}</small>
            </span>
            {current ? <em>this one</em> : <button className="plain" onClick={() => client.revokeSession({ token: id })}>Sign out</button>}
          </li>
        ))}
      </ul>
    </section>
  );
}
