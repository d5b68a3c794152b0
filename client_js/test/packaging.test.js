// @ts-check
/** What `npm pack` would publish: all of it, nothing else, and such that tools and bundlers take it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { build } from 'esbuild';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** @type {string[]} */
const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json');

describe('the package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sessionwire-pack-'));
  /** @type {{filename: string, files: {path: string}[]}} */
  let packed;

  before(() => {
    const answer = execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', folder], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // npm 12 answers by name, earlier ones with a list.
    [packed] = /** @type {any} */ (Object.values(JSON.parse(answer)));
  });
  after(() => rmSync(folder, { recursive: true }));

  test('holds the sources and their types, and neither tests nor examples', () => {
    const paths = packed.files.map(({ path }) => path);
    assert.deepEqual(paths.filter((path) => !/^(src\/[a-z-]+\.(js|d\.ts)|package\.json|LICENSE|README\.md)$/.test(path)), []);
    for (const entry of entries) {
      const { types, default: code } = manifest.exports[entry];
      for (const path of [types, code]) assert.ok(paths.includes(path.slice(2)), path);
    }
  });

  test('holds a page for npm, and the license of the whole', () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of ['README.md', 'LICENSE']) assert.ok(paths.includes(path), path);
    assert.equal(readFileSync(join(ROOT, 'LICENSE'), 'utf8'), readFileSync(join(ROOT, '../LICENSE'), 'utf8'));
  });

  test('has a page that names every entry, and nothing that is not there', () => {
    const page = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const named = new Set(page.match(/(?<=["`])sessionwire(\/[a-z-]+)?(?=["`])/g));
    assert.deepEqual([...named].sort(), entries.map((entry) => entry.replace('.', 'sessionwire')).sort());
    for (const [, path = ''] of page.matchAll(/\]\(([^)]+)\)/g)) assert.ok(existsSync(join(ROOT, path)), path);
  });

  test('has no complaint of publint', async () => {
    const { messages } = await publint({ pkgDir: ROOT, strict: true });
    assert.deepEqual(messages.map((message) => formatMessage(message, manifest)), []);
  });

  test('has types that are right wherever modules are understood', async () => {
    const tarball = readFileSync(join(folder, packed.filename.replace(/^.*\//, '')));
    const analysis = await checkPackage(createPackageFromTarballData(tarball));
    assert.ok(analysis.types, 'no types');
    // A package of ES modules cannot be required by CommonJS, and folders of entries need `exports`.
    const accepted = new Set(['CJSResolvesToESM', 'NoResolution']);
    const problems = analysis.problems.filter(({ kind, ...problem }) => {
      const resolution = 'resolutionKind' in problem ? problem.resolutionKind : '';
      return !(accepted.has(kind) && (resolution === 'node10' || kind === 'CJSResolvesToESM'));
    });
    assert.deepEqual(problems, []);
  });
});

test('nothing is depended on, and every framework is optional', () => {
  assert.equal(manifest.dependencies, undefined);
  assert.deepEqual(Object.keys(manifest.peerDependenciesMeta), Object.keys(manifest.peerDependencies));
  for (const entry of entries) assert.ok(existsSync(join(ROOT, manifest.exports[entry].types)), entry);
});

test('what is not imported is not bundled: the client alone carries no adapter', async () => {
  const { metafile } = await build({
    stdin: { contents: "import { createSessionClient } from 'sessionwire'; createSessionClient();", resolveDir: ROOT },
    bundle: true,
    format: 'esm',
    metafile: true,
    write: false,
  });
  const inputs = Object.keys(metafile.inputs).join(' ');
  assert.match(inputs, /src\/session\.js/);
  assert.doesNotMatch(inputs, /react|vue|svelte|solid|better-auth/);
});
