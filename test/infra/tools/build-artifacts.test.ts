// The bundle of the container runs where there is nothing else: no node_modules, no package.json.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildArtifacts } from '../../../infra/tools/build-artifacts.ts';
import { version } from '../../../src/cli/frame/version.ts';
import { runProgram } from '../../support/programs.ts';

let folder: string;
let program: string;
beforeAll(async () => {
  await buildArtifacts();
  folder = mkdtempSync(join(tmpdir(), 'mailsluice-bundle-'));
  program = join(folder, 'mailsluice.mjs');
  const bundle = new URL('../../../dist/container/mailsluice.mjs', import.meta.url);
  copyFileSync(fileURLToPath(bundle), program);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the bundle knows its version', async () => {
  expect(await runProgram(process.execPath, [program, '--version'])).toEqual({
    code: 0,
    output: `${version}\n`,
  });
});

test('the bundle has no embedded AWS, and says so in one line', async () => {
  expect(await runProgram(process.execPath, [program, 'local'])).toEqual({
    code: 1,
    output:
      'mailsluice local: expected the packages fauxqs, dynalite and selfsigned, which are not installed; run "npm install --save-dev fauxqs dynalite selfsigned"\n',
  });
});
