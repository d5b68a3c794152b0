import { useActionState } from 'react';
import { useSessionClient } from 'sessionwire/react';

export function SignIn({ notice }) {
  const client = useSessionClient();
  const [error, submit, isBusy] = useActionState(async (_, form) => {
    const { how, ...body } = Object.fromEntries(form);
    const outcome = how === 'up' ? await client.signUp.email(body) : await client.signIn.email(body);
    return outcome.error?.message;
  });
  return (
    <main className="narrow">
      <h1>Sign in</h1>
      {notice && <p role="status">{notice}</p>}
      <form action={submit}>
        <label>Name, if you are new <input name="name" autoComplete="name" defaultValue="Somebody" /></label>
        <label>Email <input name="email" type="email" autoComplete="email" required /></label>
        <label>Password <input name="password" type="password" autoComplete="current-password" minLength={8} required /></label>
        {error && <p role="alert">{error}</p>}
        <button name="how" value="in" disabled={isBusy}>Sign in</button>
        <button name="how" value="up" disabled={isBusy} className="plain">Sign up</button>
      </form>
    </main>
  );
}
