// `npm run pack:subscriber`: the tarball, unpacked into an empty project.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Project } from './packed.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

let project: Project;
beforeAll(async () => {
  project = await Project.packSmall('subscriber');
}, 120_000);
afterAll(() => project.remove());

const MEGABYTE = 1_000_000;

test('the small package has no dependency, no script, and at most 3 MB', () => {
  const octets = project
    .files()
    .map((file) => statSync(join(project.package, file)).size)
    .reduce((sum, size) => sum + size, 0);
  process.stdout.write(`mailsluice-subscriber: ${(octets / MEGABYTE).toFixed(2)} MB unpacked\n`);
  expect(octets).toBeLessThan(3 * MEGABYTE);
  const { manifest } = project;
  const main = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  expect(manifest.version).toBe(main.version);
  expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(['dependencies']));
  expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(['scripts']));
});

test('the small package has both formats, types, the schema and its pages, and nothing else', () => {
  expect(
    project
      .files()
      .filter(
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
  const licenses = readFileSync(join(project.package, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  const sections = licenses.split(`\n${'-'.repeat(80)}\n\n`);
  const titles = sections.map((section) => section.split('\n', 1)[0] ?? '');
  for (const name of ['@zone-eu/mailsplit', 'iconv-lite', 'libmime', 'mailparser', 'zod']) {
    expect(titles).toContainEqual(
      expect.stringMatching(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`)),
    );
  }
  for (const section of sections) expect(section).toMatch(/permission|copyright|license/i);
  // None that would bind those who distribute a function.
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

test('programs are type-checked against the small package, with the SDK and, skipping libraries, without it', async () => {
  const files = ['a.mts', 'b.cts'];
  for (const file of files) project.write(file, PROGRAM);
  project.link('@types/node', 'undici-types');
  const target = 'es2023';
  expect(await project.typeErrors(files, { target, options: ['--skipLibCheck'] })).toBe('');
  project.link('@aws-sdk', '@smithy', '@aws');
  expect(await project.typeErrors(files, { target })).toBe('');
}, 120_000);

test('jest and others that load CommonJS only can require the small package', async () => {
  project.write(
    'require.cjs',
    `const { sampleEvent, parseMail, requireNotification } = require('mailsluice-subscriber');
    parseMail(requireNotification(sampleEvent('sns', { subject: 'Hello' }))).then(({ subject }) => console.log(subject));`,
  );
  const args = ['--no-experimental-require-module', 'require.cjs'];
  expect(await project.output(...args)).toBe('Hello\n');
});
