// The program as it is in the container image: one file, in a folder that has nothing else.
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildArtifacts } from '../../../infra/tools/build-artifacts.ts';
import { packageRoot, packageVersion } from '../../../infra/tools/package-root.ts';

const run = promisify(execFile);

let folder: string;
let program: string;
beforeAll(async () => {
  await buildArtifacts();
  folder = mkdtempSync(join(tmpdir(), 'image-'));
  program = join(folder, 'mailsluice.mjs');
  copyFileSync(join(packageRoot, 'dist/container/mailsluice.mjs'), program);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the bundle in the container image', () => {
  test('runs without package.json and node_modules, and knows its version', async () => {
    const { stdout } = await run(process.execPath, [program, '--version'], { cwd: folder });
    expect(stdout.trim()).toBe(packageVersion);
  });

  test('has no embedded AWS, and "mailsluice local" names what is not installed', async () => {
    expect(readFileSync(program, 'utf8')).not.toContain('fauxqs/');
    const failed = await run(process.execPath, [program, 'local'], { cwd: folder }).catch(
      (error: { readonly code: number; readonly stderr: string }) => error,
    );
    expect(failed).toMatchObject({ code: 1 });
    expect(failed.stderr).toContain('which are not installed');
  });
});
