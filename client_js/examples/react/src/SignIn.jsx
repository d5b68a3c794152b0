import { useActionState, useState } from 'react';
import { useSessionClient } from 'sessionwire/react';

export function SignIn({ notice }) {
  const client = useSessionClient();
  const [isNew, setIsNew] = useState(false);
  const [tried, submit, isBusy] = useActionState(async (_, form) => {
    const body = Object.fromEntries(form);
    return { ...body, ...(await (isNew ? client.signUp : client.signIn).email(body)) };
  }, {});
  return (
    <main className="narrow">
      <form action={submit}>
        <h1>{isNew ? 'Create an account' : 'Sign in'}</h1>
        {notice && <p role="status">{notice}</p>}
        {isNew && <label>Name<input name="name" autoComplete="name" defaultValue={tried.name} required /></label>}
        <label>Email<input name="email" type="email" autoComplete="email" defaultValue={tried.email} required /></label>
        <label>Password<input name="password" type="password" autoComplete={isNew ? 'new-password' : 'current-password'} minLength={8} required /></label>
        {tried.error && <p role="alert">{tried.error.message}</p>}
        <button disabled={isBusy}>Continue</button>
        <button type="button" className="plain" onClick={() => setIsNew(!isNew)}>{isNew ? 'I have an account' : 'I am new here'}</button>
      </form>
    </main>
  );
}
