// @ts-check
/**
 * Calls of /api/auth/* as values: an outcome tells what came back, and nothing is ever thrown for it.
 *
 * @typedef {import('./index.js').Outcome<any>} Outcome
 * @typedef {{fetch: typeof fetch, baseURL: string}} Http
 */
import { isVersion } from './frame.js';
import { isRecord } from './sharing.js';

const PREFIX = '/api/auth/';

/**
 * @param {Http} http
 * @param {string} path  such as `sign-in/email`
 * @param {object} [body]
 * @returns {Promise<Outcome>}
 */
export function post(http, path, body = {}) {
  const headers = { 'content-type': 'application/json' };
  return call(http, path, { method: 'POST', headers, body: JSON.stringify(body) });
}

/**
 * @param {Http} http
 * @param {string} path
 * @param {object} [query]  texts and numbers by name; undefined ones are left out
 * @returns {Promise<Outcome>}
 */
export function get(http, path, query = {}) {
  const stated = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const search = new URLSearchParams(stated.map(([name, value]) => [name, String(value)]));
  return call(http, stated.length === 0 ? path : `${path}?${search}`, { method: 'GET' });
}

/** @param {Http} http @param {string} path @param {RequestInit} request @returns {Promise<Outcome>} */
async function call({ fetch, baseURL }, path, request) {
  try {
    const response = await fetch(baseURL + PREFIX + path, { ...request, credentials: 'include' });
    return read(response, await response.text());
  } catch (cause) {
    return failure(0, 'NETWORK_ERROR', 'The server could not be reached.');
  }
}

/** @param {Response} response @param {string} text @returns {Outcome} */
function read(response, text) {
  const { ok, status, headers } = response;
  const body = parse(text);
  if (ok && body === undefined) return failure(status, 'INVALID_RESPONSE', 'The answer is not JSON.');
  if (!ok) {
    const { code, message } = isRecord(body) ? body : {};
    return failure(status, asText(code, 'HTTP_ERROR'), asText(message, `The server answered ${status}.`));
  }
  const version = headers.get('sessionwire-version');
  return { data: body, error: null, version: isVersion(version) ? version : null };
}

/** @param {string} text @returns {unknown} undefined: not JSON */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {unknown} value @param {string} fallback */
function asText(value, fallback) {
  return typeof value === 'string' && value !== '' ? value : fallback;
}

/** @param {number} status @param {string} code @param {string} message @returns {Outcome} */
function failure(status, code, message) {
  return { data: null, error: { status, code, message }, version: null };
}
