// Parses the AsyncAPI document on standard input with AsyncAPI's own parser, and prints what it says.

import { readFileSync } from 'node:fs';

import { Parser } from '@asyncapi/parser';

const ERROR = 0;
const { document, diagnostics } = await new Parser().parse(readFileSync(0, 'utf8'));
const errors = diagnostics.filter(({ severity }) => severity === ERROR);
const channels = document?.channels().all() ?? [];

console.log(
  JSON.stringify({
    errors: errors.map(({ message, path }) => `${path.join('.')}: ${message}`),
    channels: Object.fromEntries(
      channels.map((each) => [each.address(), each.messages().all().map((message) => message.id())]),
    ),
  }),
);
