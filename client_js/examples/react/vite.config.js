import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Where `sessionwire serve` listens.
const target = process.env.SESSIONWIRE_URL ?? 'http://127.0.0.1:8000';
// The browser's origin is Vite's: to the server, requests come from its own.
const proxied = { target, ws: true, headers: { origin: new URL(target).origin } };

export default defineConfig({
  plugins: [react()],
  // The package is a link to this repository; outside of it, neither line is needed.
  resolve: { dedupe: ['react'] },
  server: { proxy: { '/api': proxied, '/live': proxied }, fs: { allow: ['../..'] } },
});
