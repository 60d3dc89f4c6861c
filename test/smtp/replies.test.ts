// Every reply stands once, in src/smtp/replies.ts.
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Reply } from '../../src/smtp/index.ts';
import { farewells, refusals, replies, sharedReplies } from '../../src/smtp/replies.ts';

const folder = new URL('../../src/smtp/', import.meta.url);

test('no two replies say the same', () => {
  // A reply that stands under two names is one object.
  const tables = [replies, refusals, farewells, sharedReplies];
  const all = [...new Set<Reply>(tables.flatMap((table) => Object.values(table)))].map((reply) =>
    JSON.stringify(reply),
  );
  expect(all.length).toBeGreaterThan(50);
  expect(all.filter((reply, index) => all.indexOf(reply) !== index)).toEqual([]);
});

test('no other file of the protocol writes a reply', () => {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file !== 'replies.ts',
  );
  expect(files.length).toBeGreaterThan(30);
  const codeOf = (file: string): string =>
    readFileSync(new URL(file, folder), 'utf8').replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '');
  const writing = files.filter((file) => /\bcode: \d{3}|[`'"][2345]\d\d[ -]/.test(codeOf(file)));
  expect(writing).toEqual([]);
});
