import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createSessionClient } from 'sessionwire';
import { SessionProvider } from 'sessionwire/react';
import { App } from './App.jsx';
import './style.css';

const client = createSessionClient();

createRoot(document.body).render(
  <StrictMode>
    <SessionProvider client={client}>
      <App />
    </SessionProvider>
  </StrictMode>,
);
