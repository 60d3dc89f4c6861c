// `cdk synth` as a process: from the command line to the templates, without credentials, network or Docker.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = join(root, 'node_modules/.bin');
const run = promisify(execFile);

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function makeFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  folders.push(folder);
  return folder;
}

/** Only what a fresh machine has: no AWS settings, nothing to build containers with. */
function synth(output: string, ...args: string[]) {
  return run(join(bin, 'cdk'), ['synth', '--quiet', '--output', output, ...args], {
    cwd: root,
    env: {
      PATH: [bin, dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
      HOME: output,
      CDK_DOCKER: '/nonexistent/docker',
      // Nothing answers there, so that a request over the network fails.
      HTTPS_PROXY: 'http://127.0.0.1:1',
      HTTP_PROXY: 'http://127.0.0.1:1',
    },
  });
}

test('a synth writes both templates and the context of the image', {
  timeout: 120_000,
}, async () => {
  const output = makeFolder('synth');
  await synth(output, '-c', 'hostname=mx.example.com', '-c', 'exampleSubscriber=true');
  const templates = readdirSync(output).filter((name) => name.endsWith('.template.json'));
  expect(templates.sort()).toEqual([
    'Mailsluice-prod-Data.template.json',
    'Mailsluice-prod-Service.template.json',
  ]);
  const images = readdirSync(output).filter((name) => {
    try {
      return readdirSync(join(output, name)).includes('Dockerfile');
    } catch {
      return false;
    }
  });
  expect(images).toHaveLength(1);
  expect(readFileSync(join(output, images[0] ?? '', 'Dockerfile'), 'utf8')).toBe(
    readFileSync(join(root, 'Dockerfile'), 'utf8'),
  );
});

test('reports errors in the settings without a stack trace', { timeout: 120_000 }, async () => {
  const output = makeFolder('synth');
  const failed = await synth(output, '-c', 'egress=tunnel').catch(
    (error: { readonly stderr: string }) => error,
  );
  expect(failed.stderr).toContain('hostname: expected the name of the mail server');
  expect(failed.stderr).toContain('egress: expected "nat", "endpoints" or "public", got "tunnel"');
  expect(failed.stderr).not.toMatch(/^\s+at /m);
});
