// `npm run pack:smtp`: the tarball, unpacked into an empty project.
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Missing, prepareNode, prepareTypeScript } from '../support/other-versions.ts';
import { Project } from './packed.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const MEGABYTE = 1_000_000;

const node20 = prepareNode(20);
const node22 = prepareNode(22);
const typescript56 = prepareTypeScript('5.6');
const typescript59 = prepareTypeScript('5.9');

let project: Project;
beforeAll(async () => {
  project = await Project.packSmall('smtp');
}, 120_000);
afterAll(() => project.remove());

test('the small package has no dependency, no script, and at most 1 MB', () => {
  const octets = project
    .files()
    .map((file) => statSync(join(project.package, file)).size)
    .reduce((sum, size) => sum + size, 0);
  process.stdout.write(
    `mailsluice-smtp: ${(octets / MEGABYTE).toFixed(2)} MB unpacked, 0 dependencies\n`,
  );
  expect(octets).toBeLessThan(MEGABYTE);
  const main = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  expect(project.manifest.version).toBe(main.version);
  expect(Object.keys(project.manifest)).not.toEqual(expect.arrayContaining(['dependencies']));
  expect(Object.keys(project.manifest)).not.toEqual(expect.arrayContaining(['scripts']));
});

test('the small package has one format, types and its pages, and nothing of the program', () => {
  const known =
    /^(?:chunks\/[\w-]+\.js|types\/(?:smtp|net|counters|server|testing)\/.+\.d\.ts|types\/(?:index|mailparser)\.d\.ts)$/;
  const others = project.files().filter((file) => !known.test(file));
  expect(others.sort()).toEqual(
    [
      'LICENSE',
      'README.md',
      'THIRD-PARTY-LICENSES.txt',
      'index.d.ts',
      'index.js',
      'package.json',
    ].sort(),
  );
});

test('the small package has the license of what is bundled, and bundles nothing that binds its users', () => {
  const licenses = readFileSync(join(project.package, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  const titles = licenses
    .split(`\n${'-'.repeat(80)}\n\n`)
    .map((section) => section.split('\n', 1)[0]);
  expect(titles).toEqual([expect.stringMatching(/^ipaddr\.js \d+\.\d+\.\d+ \(MIT\)$/)]);
});

/** Receives a mail that it sends to itself, octet by octet, and parses it where mailparser is there. */
const PROGRAM = `
  import { connect } from 'node:net';
  import { SmtpServer } from 'mailsluice-smtp';
  const server = new SmtpServer({ listeners: [{ name: 'in', host: '127.0.0.1', port: 0 }] });
  server.onMail(async ({ mail }) => {
    if (process.argv[2] === 'parse') {
      const failed = await mail.parse().then(({ subject }) => subject, (error) => error.code + ': ' + error.message);
      console.log(failed);
    } else {
      let octets = 0;
      for await (const chunk of mail.content) octets += chunk.length;
      console.log(mail.envelope.recipients[0].forwardPath.address, octets);
    }
  });
  await server.listen();
  const socket = connect(server.addresses[0].port, '127.0.0.1');
  const lines = ['EHLO a', 'MAIL FROM:<a@b.example>', 'RCPT TO:<c@d.example>', 'DATA'];
  socket.write(lines.join('\\r\\n') + '\\r\\n');
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk;
    if (/^354 /m.test(said)) { said = ''; socket.write('Subject: Hello\\r\\n\\r\\nText\\r\\n.\\r\\nQUIT\\r\\n'); }
  });
  socket.on('close', () => server.close());
`;

async function output(node: string, ...args: readonly string[]): Promise<string> {
  project.write('program.mjs', PROGRAM);
  const { stdout } = await run(node, ['program.mjs', ...args], { cwd: project.folder });
  return stdout.trim();
}

const isThere = (found: string | Missing): found is string => typeof found === 'string';
const nodes = { 22: node22, 24: process.execPath } as const;

test.for([22, 24] as const)('a program receives a mail on Node.js %s', async (major, context) => {
  const node = nodes[major];
  if (!isThere(node)) return context.skip(node.reason);
  const { stdout: version } = await run(node, ['--version']);
  expect(version).toMatch(new RegExp(`^v${major}\\.`));
  expect(await output(node)).toBe('c@d.example 24');
});

test('CommonJS requires the small package on Node.js 22 and 24', async (context) => {
  project.write(
    'require.cjs',
    `const { SmtpServer } = require('mailsluice-smtp'); console.log(typeof SmtpServer);`,
  );
  if (!isThere(node22)) return context.skip(node22.reason);
  for (const node of [node22, process.execPath]) {
    const { stdout } = await run(node, ['require.cjs'], { cwd: project.folder });
    expect(stdout).toBe('function\n');
  }
});

test('Node.js 20 is told which version is expected', async (context) => {
  if (!isThere(node20)) return context.skip(node20.reason);
  const { stderr } = await run(node20, ['program.mjs'], { cwd: project.folder }).then(
    () => ({ stderr: 'it ran' }),
    (error: { readonly stderr: string }) => error,
  );
  expect(stderr).toMatch(/NodeVersionError: Node\.js: expected 22 or later, got 20\.\d+\.\d+/);
});

test('mail.parse says what to install without mailparser, and parses with it', async () => {
  expect(await output(process.execPath, 'parse')).toBe(
    'MAILSLUICE_MAILPARSER_MISSING: mail.parse: expected the package mailparser, which is not installed',
  );
  project.link('mailparser');
  expect(await output(process.execPath, 'parse')).toBe('Hello');
});

const TYPED = `
  import { Refusal, SmtpServer, type Middleware, type ServerOptions } from 'mailsluice-smtp';
  interface Visit { mails: number }
  const options: ServerOptions<Visit> = { listeners: [{ name: 'in', port: 0 }], state: () => ({ mails: 0 }) };
  const server = new SmtpServer<Visit>(options);
  const counted: Middleware<Visit> = { onSender({ state, reply }) { if (++state.mails > 3) return reply(450, '7.1', 'Later'); } };
  server.use(counted);
  server.onMail(async ({ mail, state }) => {
    const { subject } = await mail.parse();
    const text: string | undefined = subject;
    if (text === undefined) throw new Refusal(550, '6.0', String(state.mails));
  });
  for await (const mail of server) mail.accept();
  // @ts-expect-error: no such option.
  new SmtpServer({ listener: [] });
  // @ts-expect-error: a hook does not answer with a number.
  server.onSender(() => 550);
`;

const compilers = {
  '5.6': typescript56,
  '5.9': typescript59,
  '7': join(root, 'node_modules/typescript/bin/tsc'),
} as const;

test.for(Object.keys(compilers) as (keyof typeof compilers)[])(
  'TypeScript %s checks a program in a strict project, the declarations too',
  { timeout: 120_000 },
  async (version, context) => {
    const tsc = compilers[version];
    if (!isThere(tsc)) return context.skip(tsc.reason);
    const { stdout } = await run(process.execPath, [tsc, '--version']);
    expect(stdout).toContain(`Version ${version}`);
    project.write('typed.mts', TYPED);
    if (!project.hasPackage('@types/node')) project.link('@types/node', 'undici-types');
    const strict = ['--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
    const compiler = [process.execPath, tsc];
    expect(
      await project.typeErrors(['typed.mts'], { target: 'es2022', options: strict, compiler }),
    ).toBe('');
  },
);
