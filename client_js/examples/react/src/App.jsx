import { useSession } from 'sessionwire/react';
import { Dashboard } from './Dashboard.jsx';
import { SignIn } from './SignIn.jsx';

const REASONS = {
  revoked: 'This device was signed out from another one.',
  expired: 'Your session has expired.',
  password_changed: 'The password was changed on another device.',
  banned: 'This account is suspended.',
  deleted: 'This account no longer exists.',
};

export function App() {
  const isPending = useSession((session) => session.isPending);
  const isSignedIn = useSession((session) => session.data !== null);
  const reason = useSession((session) => session.reason);
  if (isPending) return <main aria-busy="true">…</main>;
  return isSignedIn ? <Dashboard /> : <SignIn notice={REASONS[reason]} />;
}
