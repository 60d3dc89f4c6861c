import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { refusalLines, replies } from '../../src/server/replies.ts';

test('a refusal of a connection without a session is a whole line', () => {
  expect(refusalLines).toEqual({
    'too-many-connections': '421 4.3.2 Too many connections, try again later\r\n',
    'too-many-connections-from-address':
      '421 4.7.0 Too many connections from your address, try again later\r\n',
  });
});

test('only a refused sign-in is a permanent failure: the server never blames the message', () => {
  const permanent = Object.entries(replies).filter(([, { code }]) => code >= 500);
  expect(permanent.map(([name]) => name)).toEqual(['signInRefused']);
});

test('no other file of the server writes a reply', () => {
  const folder = new URL('../../src/server/', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file !== 'replies.ts',
  );
  expect(files.length).toBeGreaterThan(20);
  const writing = files.filter((file) => {
    const lines = readFileSync(new URL(file, folder), 'utf8').split('\n');
    return lines.some(
      (line) => /\bcode: \d{3}\b/.test(line) && !/^\s*(?:\*|\/\*\*|\/\/)/.test(line),
    );
  });
  expect(writing).toEqual([]);
});
