import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  deadLetterKey,
  markerKey,
  objectKeyPrefix,
  OUTBOX_PREFIX,
  splitObjectKey,
} from '../../../src/bridge/contract/object-key.ts';
import { OBJECT_PREFIX } from '../../../src/policy/destination-rules.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test.each([
  ['mail/', 'mail/dt=2026-11-23/hr=00/'],
  ['mail', 'mail/dt=2026-11-23/hr=00/'],
  ['', 'dt=2026-11-23/hr=00/'],
  ['a/b/', 'a/b/dt=2026-11-23/hr=00/'],
])('the key of a mail has the UTC hour behind the prefix %j', (prefix, expected) => {
  expect(objectKeyPrefix(prefix, new Date('2026-11-23T00:59:59.999Z'))).toBe(expected);
});

test('a key splits into prefix and messageId', () => {
  expect(splitObjectKey('mail/dt=2026-11-23/hr=00/abc')).toEqual({
    objectKeyPrefix: 'mail/dt=2026-11-23/hr=00/',
    messageId: 'abc',
  });
});

test('markers and dead letters keep the keys under which earlier releases stored them', () => {
  expect(markerKey('abc')).toBe('outbox/abc.json');
  expect(deadLetterKey('abc')).toBe('outbox/poison/abc.json');
});

test('the prefix of the outbox stands in one source file, which the program and the task role share', () => {
  const files = ['src', 'infra'].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(top, file)),
  );
  const naming = files.filter((file) =>
    /['"`]outbox\//.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(naming).toEqual(['src/bridge/contract/object-key.ts']);
});

test('no prefix of mail may be the one of the outbox, or begin with it', () => {
  expect(OBJECT_PREFIX.test(OUTBOX_PREFIX)).toBe(false);
  expect(OBJECT_PREFIX.test(`${OUTBOX_PREFIX}mail/`)).toBe(false);
  expect(OBJECT_PREFIX.test('mail/')).toBe(true);
});
