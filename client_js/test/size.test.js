// @ts-check
/** The budget of the client as a bundler ships it: minified, compressed, and without what is loaded on demand. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const SOURCE = new URL('../src/', import.meta.url);

/** Every part of the client in bytes, by the module that it begins with; `core`: all that is loaded at once. */
async function measure() {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL('index.js', SOURCE))],
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    outdir: 'out',
    write: false,
    metafile: true,
  });
  const parts = Object.entries(metafile.outputs).map(([path, { entryPoint, imports }]) => {
    const file = outputFiles.find((each) => each.path.endsWith(path.replace(/^.*\//, '/')));
    assert.ok(file, path);
    return { path, entryPoint, imports, code: file.contents };
  });
  /** @param {string} path @returns {string[]} the part and those it cannot do without */
  const closure = (path) => {
    const part = parts.find((each) => each.path === path);
    assert.ok(part, path);
    return [path, ...part.imports.filter(({ kind }) => kind === 'import-statement').flatMap((each) => closure(each.path))];
  };
  /** @type {Record<string, number>} */
  const sizes = {};
  const core = new Set();
  for (const { path, entryPoint } of [...parts].sort((a) => (a.entryPoint?.endsWith('/index.js') ? -1 : 1))) {
    if (!entryPoint) continue;
    const needed = [...new Set(closure(path))].filter((each) => !core.has(each));
    const code = parts.filter((each) => needed.includes(each.path)).map((each) => Buffer.from(each.code));
    sizes[entryPoint.replace(/^.*\//, '')] = gzipSync(Buffer.concat(code), { level: 9 }).length;
    if (entryPoint.endsWith('/index.js')) needed.forEach((each) => core.add(each));
  }
  return sizes;
}

const BUDGETS = /** @type {const} */ ({
  'index.js': 4_096,
  'after.js': 2_496,
  'fallback.js': 2_368,
  'shared-socket.js': 4_352,
});

for (const [name, size] of Object.entries(await measure())) {
  const budget = BUDGETS[/** @type {keyof typeof BUDGETS} */ (name)];
  test(`${name === 'index.js' ? 'the core' : `${name}, loaded on demand,`} is at most ${budget} bytes`, (context) => {
    context.diagnostic(`${name}: ${size} bytes`);
    assert.ok(size <= budget, `${size} bytes`);
  });
}

test('only socket.js makes a WebSocket', () => {
  for (const name of readdirSync(SOURCE).filter((each) => each.endsWith('.js') && !/^(shared-)?socket/.test(each))) {
    assert.doesNotMatch(readFileSync(new URL(name, SOURCE), 'utf8'), /new \S*WebSocket/, name);
  }
});
