/** A browser without a page: keeps cookies, names its origin, and remembers what it asked. */

import { createAuthClient } from 'better-auth/client';
import { organizationClient } from 'better-auth/client/plugins';

const ADDRESS = process.env.ADDRESS;
const PASSWORD = 'password1234';

let people = 0;

/** An address that nobody else in this run has. */
export function unique(name) {
  people += 1;
  return `${name}-${process.pid}-${people}@example.com`;
}

export class Browser {
  constructor({
    address = ADDRESS,
    origin = address,
    headers = {},
    create = createAuthClient,
  } = {}) {
    this.address = address;
    this.headers = origin === null ? headers : { origin, ...headers };
    this.jar = new Map();
    this.requests = [];
    this.offline = false;
    this.load(create);
  }

  /** A new page of this browser: the cookies stay. */
  load(create) {
    this.requests.length = 0;
    this.client = create({
      baseURL: this.address,
      plugins: [organizationClient()],
      fetchOptions: { customFetchImpl: (url, options) => this.fetch(url, options) },
    });
  }

  /** As `fetch`; redirects are not followed. */
  async fetch(url, options = {}) {
    const asked = new URL(url, this.address);
    const request = {
      method: options.method ?? 'GET',
      path: asked.pathname.replace('/api/auth', ''),
      search: asked.search,
      body: options.body,
    };
    this.requests.push(request);
    if (this.offline) throw new TypeError('fetch failed');
    const headers = new Headers(options.headers);
    for (const [name, value] of Object.entries(this.headers)) headers.set(name, value);
    if (this.jar.size > 0) {
      headers.set('cookie', [...this.jar].map(([name, value]) => `${name}=${value}`).join('; '));
    }
    const answer = await fetch(asked, { ...options, headers, redirect: 'manual' });
    request.status = answer.status;
    request.cookies = answer.headers.getSetCookie();
    for (const line of request.cookies) this.keep(line);
    return answer;
  }

  keep(line) {
    const [pair, ...attributes] = line.split('; ');
    const at = pair.indexOf('=');
    if (attributes.includes('Max-Age=0')) this.jar.delete(pair.slice(0, at));
    else this.jar.set(pair.slice(0, at), pair.slice(at + 1));
  }

  get last() {
    return this.requests.at(-1);
  }

  /** The last answer's line for a cookie whose name ends so. */
  line(name) {
    return this.last.cookies.find((each) => each.split('=')[0].endsWith(name));
  }

  /** How often it asked for a path. */
  count(path) {
    return this.requests.filter((each) => each.path === path).length;
  }

  async json(path) {
    const answer = await this.fetch(`/api/auth${path}`);
    return answer.json();
  }
}

/** A new user's browser, signed in; `me` is the user as sign-up answered it. */
export async function signUp(name, { email = unique(name.toLowerCase()), ...more } = {}) {
  const browser = new Browser(more);
  const { data, error } = await browser.client.signUp.email({ name, email, password: PASSWORD });
  if (error) throw new Error(`sign-up: ${JSON.stringify(error)}`);
  return Object.assign(browser, { me: data.user, email, password: PASSWORD });
}

/** Another device of that user. */
export async function signIn(person, more = {}) {
  const browser = new Browser();
  const { email, password } = person;
  const { data, error } = await browser.client.signIn.email({ email, password, ...more });
  if (error) throw new Error(`sign-in: ${JSON.stringify(error)}`);
  return Object.assign(browser, { me: data.user, email, password });
}
