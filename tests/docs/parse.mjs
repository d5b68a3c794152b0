// Parses the code blocks on standard input, [{name, language, text}], and prints what is wrong, by name.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../client_js/package.json', import.meta.url));
const { transform } = require('esbuild');
const { compile } = require('svelte/compiler');

const wrong = {};
for (const { name, language, text } of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    if (language === 'svelte') compile(text, { filename: `${name}.svelte` });
    else await transform(text, { loader: language, format: 'esm', target: 'esnext', jsx: 'preserve' });
  } catch (error) {
    wrong[name] = String(error.message);
  }
}
console.log(JSON.stringify(wrong));
