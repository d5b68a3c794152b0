// A certified OpenID provider that signs in whoever the browser names, and asks nobody anything.
//
// usage: node provider.mjs <port> <redirect uri> <client id> <client secret>
// Prints "ready" once it listens. `POST /people` with {sub: {claims}} says what it knows of people;
// the authorization request's login_hint says who is in front of the browser.

import * as http from "node:http";
import Provider from "oidc-provider";

const [port, redirectUri, clientId, clientSecret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const people = new Map();

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "picture"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  cookies: { keys: ["only for these tests"] },
  ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 300, Interaction: 300, Session: 300, Grant: 300 },
  findAccount: (ctx, sub) => ({
    accountId: sub,
    claims: async () => ({ sub, ...people.get(sub) }),
  }),
});

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function interact(request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    const result = { login: { accountId: params.login_hint } };
    return provider.interactionFinished(request, response, result);
  }
  const { session } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

const answer = provider.callback();

http
  .createServer(async (request, response) => {
    try {
      if (request.method === "POST" && request.url === "/people") {
        for (const [sub, claims] of Object.entries(await read(request))) people.set(sub, claims);
        response.writeHead(204).end();
      } else if (request.url.startsWith("/interaction/")) {
        await interact(request, response);
      } else {
        answer(request, response);
      }
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  })
  .listen(Number(port), "127.0.0.1", () => console.log("ready"));
