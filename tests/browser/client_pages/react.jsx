/** A page in StrictMode that counts the commits of each part, and remembers every commit. */
import { Profiler, StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { createSessionClient } from 'sessionwire';
import { SessionProvider, useActiveOrganization, useOrganizations, useQuery, useSession } from 'sessionwire/react';

const client = createSessionClient();
const commits = {};
const note = (id) => (commits[id] = (commits[id] ?? 0) + 1);

function Name() {
  return <p id="name">{useSession(({ data }) => data?.user.name)}</p>;
}

function Role() {
  return <p id="role">{useSession(({ data }) => data?.role)}</p>;
}

/** A selection that is made anew at each render, and equal most of the time. */
function Scope() {
  const { id, role } = useSession(({ data }) => ({ id: data?.organization?.id, role: data?.role }));
  return <p id="scope">{id} {role}</p>;
}

function Organizations() {
  return <p id="organizations">{useOrganizations().data?.map(({ name }) => name).join()}</p>;
}

function Members() {
  return <p id="members">{useActiveOrganization().data?.members.length}</p>;
}

/** Comes and goes. */
function Devices() {
  return <p id="devices">{useQuery('devices', {}).data?.length}</p>;
}

const moments = [];

/** Uses everything at once: no commit may mix two states of the session. */
function Everything() {
  const moment = { session: useSession(), organization: useActiveOrganization(), organizations: useOrganizations() };
  useEffect(() => void moments.push(moment));
  return null;
}

const parts = { Name, Role, Scope, Organizations, Members };

function Page() {
  const [isOpen, setOpen] = useState(false);
  window.open_devices = setOpen;
  return (
    <>
      {Object.entries(parts).map(([id, Part]) => (
        <Profiler key={id} id={id} onRender={note}>
          <Part />
        </Profiler>
      ))}
      <Everything />
      {isOpen && Array.from({ length: 50 }, (_, n) => <Devices key={n} />)}
    </>
  );
}

createRoot(document.getElementById('root')).render(
  <StrictMode>
    <SessionProvider client={client}>
      <Page />
    </SessionProvider>
  </StrictMode>,
);

const shown = () => moments.at(-1);
Object.assign(window, { client, commits, moments, idle: [], shown });
