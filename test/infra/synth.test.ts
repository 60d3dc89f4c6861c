// `cdk synth` as a process: from the command line to the templates, without credentials, network or Docker.
import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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
      // Nobody answers there: whoever asks the network fails.
      HTTPS_PROXY: 'http://127.0.0.1:1',
      HTTP_PROXY: 'http://127.0.0.1:1',
    },
  });
}

test('writes both templates and the context of the image', { timeout: 120_000 }, async () => {
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

test('tells what is wrong in sentences, without a stack trace', { timeout: 120_000 }, async () => {
  const output = makeFolder('synth');
  const failed = await synth(output, '-c', 'egress=tunnel').catch(
    (error: { readonly stderr: string }) => error,
  );
  expect(failed.stderr).toContain('hostname: expected the name of the mail server');
  expect(failed.stderr).toContain('egress: expected "nat", "endpoints" or "public", got "tunnel"');
  expect(failed.stderr).not.toMatch(/^\s+at /m);
});

test('somebody’s own app imports the construct from the package, as it is published', {
  timeout: 120_000,
}, async () => {
  await run(join(bin, 'tsc'), ['-p', 'infra'], { cwd: root });
  const published = readdirSync(join(root, 'dist/cdk'), { recursive: true, encoding: 'utf8' });
  expect(published).toContain('infra/index.d.ts');
  // The ready app stays at home.
  expect(published.filter((name) => /infra\/(app|deploy|build-artifacts)\./.test(name))).toEqual(
    [],
  );

  const project = makeFolder('project');
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(root, join(project, 'node_modules/mailsluice'));
  for (const name of ['aws-cdk-lib', 'constructs']) {
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  }
  writeFileSync(
    join(project, 'app.mjs'),
    `import { App, Stack } from 'aws-cdk-lib';
    import { MailBridge } from 'mailsluice/cdk';
    const app = new App({ outdir: 'out' });
    new MailBridge(new Stack(app, 'Mine'), 'Mail', { configuration: { hostname: 'mx.example.com' } });
    app.synth();`,
  );
  await run(process.execPath, ['app.mjs'], { cwd: project });
  expect(readdirSync(join(project, 'out'))).toContain('Mine.template.json');
});
