// `npm run pack:subscriber`: the tarball, unpacked into an empty project.
import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = join(root, 'node_modules');
const run = promisify(execFile);

let folder: string;
let unpacked: string;
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'subscriber-package-')));
  await run(process.execPath, [join(root, 'infra/tools/pack-subscriber.ts')], {
    cwd: folder,
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
  });
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  unpacked = join(folder, 'node_modules/mailsluice-subscriber');
  mkdirSync(unpacked, { recursive: true });
  await run('tar', ['-xzf', join(folder, tarball), '-C', unpacked, '--strip-components=1']);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

function files(): string[] {
  return readdirSync(unpacked, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(unpacked, join(entry.parentPath, entry.name)));
}

function link(...names: readonly string[]): void {
  for (const name of names) {
    const path = join(folder, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(modules, name), path);
  }
}

const MEGABYTE = 1_000_000;

test('the small package has no dependency, no script, and at most 3 MB', () => {
  const octets = files()
    .map((file) => statSync(join(unpacked, file)).size)
    .reduce((sum, size) => sum + size, 0);
  process.stdout.write(`mailsluice-subscriber: ${(octets / MEGABYTE).toFixed(2)} MB unpacked\n`);
  expect(octets).toBeLessThan(3 * MEGABYTE);
  const manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  const main = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as typeof manifest;
  expect(manifest.version).toBe(main.version);
  expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(['dependencies']));
  expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(['scripts']));
});

test('the small package has both formats, types, the schema and its pages, and nothing else', () => {
  expect(
    files().filter(
      (file) =>
        !/^chunks\/[\w-]+\.js$/.test(file) &&
        !/^types\/.+\.d\.ts$/.test(file) &&
        ![
          'LICENSE',
          'README.md',
          'THIRD-PARTY-LICENSES.txt',
          'index.cjs',
          'index.d.cts',
          'index.d.ts',
          'index.js',
          'notification.schema.json',
          'package.json',
        ].includes(file),
    ),
  ).toEqual([]);
});

test('the small package has the license of each package that is bundled', () => {
  const licenses = readFileSync(join(unpacked, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  const sections = licenses.split(`\n${'-'.repeat(80)}\n\n`);
  const titles = sections.map((section) => section.split('\n', 1)[0] ?? '');
  for (const name of ['@zone-eu/mailsplit', 'iconv-lite', 'libmime', 'mailparser', 'zod']) {
    expect(titles).toContainEqual(
      expect.stringMatching(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`)),
    );
  }
  for (const section of sections) expect(section).toMatch(/permission|copyright|license/i);
  // None that would bind whoever distributes a function.
  expect(titles.filter((title) => !/\((MIT|BSD-[23]-Clause|ISC|\(MIT OR )/.test(title))).toEqual(
    [],
  );
});

const PROGRAM = `
  import { defineMailHandler, parseMail, notificationSchema, sampleEvent, MailNotFoundError, type HandledMail } from 'mailsluice-subscriber';
  export const handler = defineMailHandler(async (mail: HandledMail) => {
    const { attachments, subject } = await parseMail(await mail.fetch());
    const text: string | undefined = subject;
    for (const { filename } of attachments) console.log(text, filename?.toUpperCase());
  });
  export const error: MailNotFoundError = new MailNotFoundError('x');
  export const answer: Promise<{ batchItemFailures: { itemIdentifier: string }[] }> = handler(sampleEvent('sqs'));
  export const source: string = notificationSchema.parse({}).mail.source;
  // @ts-expect-error: no such option.
  sampleEvent('sqs', { subjekt: 'x' });
  // @ts-expect-error: a mail has no such member.
  defineMailHandler(async (mail) => mail.body);
`;

async function typeErrors(...options: readonly string[]): Promise<string> {
  const args = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', ...options];
  const { stdout } = await run(join(modules, '.bin/tsc'), [...args, 'a.mts', 'b.cts'], {
    cwd: folder,
  }).catch((error: { readonly stdout: string }) => error);
  return stdout;
}

test('programs are type-checked against the small package, with the SDK and, skipping libraries, without it', async () => {
  writeFileSync(join(folder, 'a.mts'), PROGRAM);
  writeFileSync(join(folder, 'b.cts'), PROGRAM);
  link('@types/node', 'undici-types');
  expect(await typeErrors('--types', 'node', '--skipLibCheck')).toBe('');
  link('@aws-sdk', '@smithy', '@aws');
  expect(await typeErrors('--types', 'node')).toBe('');
}, 120_000);

test('jest and others that load CommonJS only can require the small package', async () => {
  writeFileSync(
    join(folder, 'require.cjs'),
    `const { sampleEvent, parseMail, requireNotification } = require('mailsluice-subscriber');
    parseMail(requireNotification(sampleEvent('sns', { subject: 'Hello' }))).then(({ subject }) => console.log(subject));`,
  );
  const args = ['--no-experimental-require-module', 'require.cjs'];
  expect((await run(process.execPath, args, { cwd: folder })).stdout).toBe('Hello\n');
});
