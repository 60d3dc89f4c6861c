// One pattern language: the same table against everything in the program that reads patterns. The construct is held
// against it in test/infra/bridge/address-patterns.test.ts.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigurationError, parseConfiguration } from '../../src/config/index.ts';
import { checkAddressPattern, parseAddressPattern } from '../../src/policy/address-pattern.ts';
import { checkRecipient, checkSender } from '../../src/policy/authorization.ts';
import { createRoutes } from '../../src/policy/routes.ts';
import { readPath } from '../../src/smtp/grammar/path.ts';
import type { Mailbox } from '../../src/smtp/index.ts';
import { hostname, pairs, refused } from './address-patterns.ts';

const forms = 'expected an address, "*@domain", "*@*.domain", "local@*" or "*"';

/** As the session reads it out of a command. */
function mailboxOf(address: string): Mailbox {
  const mailbox = readPath(`<${address}>`, 0)?.mailbox;
  if (mailbox === null || mailbox === undefined) throw new Error(`${address} is no path`);
  return mailbox;
}

function configurationWith(recipients: readonly string[]): unknown {
  return {
    hostname,
    listeners: [{ name: 'mx', port: 2525, tls: 'none' }],
    store: { bucket: 'mail-bucket' },
    notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
    routes: [{ recipients }],
  };
}

describe.each(pairs)(
  '%s: the pattern %j and the address %j match: %j',
  (what, pattern, address, matches) => {
    const pair = `${what}: ${pattern} and ${address} ${matches ? 'match' : 'do not match'}`;
    const mailbox = mailboxOf(address);

    test(`${pair} in a route`, () => {
      const routes = createRoutes(
        [{ recipients: ['other@other.example', pattern], prefix: 'found/' }],
        hostname,
      );
      expect(routes.match(mailbox)).toMatchObject(
        matches ? { kind: 'accept', prefix: 'found/' } : { kind: 'refuse' },
      );
    });

    test(`${pair} in the grants of a credential`, () => {
      const patterns = ['other@other.example', pattern];
      const recipient = checkRecipient({ allowedRecipients: patterns }, mailbox, hostname);
      const sender = checkSender({ allowedSenders: patterns }, mailbox, hostname);
      expect([recipient === undefined, sender === undefined]).toEqual([matches, matches]);
      expect(checkAddressPattern(pattern)).toBeUndefined();
    });

    test(`the schema accepts the pattern ${pattern} (${what})`, () => {
      expect(() => parseConfiguration(configurationWith([pattern]))).not.toThrow();
    });
  },
);

describe.each(refused)('the text %j is refused with one sentence', (text) => {
  const sentence = `${forms}, got ${JSON.stringify(text)}`;

  test(`routes refuse the pattern ${JSON.stringify(text)}, with its path`, () => {
    expect(() => createRoutes([{ recipients: ['*', text] }], hostname)).toThrow(
      new RangeError(`routes[0].recipients[1]: ${sentence}`),
    );
  });

  test(`a grant refuses the pattern ${JSON.stringify(text)}, and allows nothing where a row has it all the same`, () => {
    expect(checkAddressPattern(text)).toBe(sentence);
    const mailbox = mailboxOf('a@c.example');
    expect(checkRecipient({ allowedRecipients: [text] }, mailbox, hostname)?.code).toBe(550);
  });

  test(`the schema refuses the pattern ${JSON.stringify(text)}, with its path`, () => {
    expect(() => parseConfiguration(configurationWith(['*', text]))).toThrow(ConfigurationError);
    expect(() => parseConfiguration(configurationWith(['*', text]))).toThrow(
      new RegExp(`^routes\\[0\\]\\.recipients\\[1\\]: ${forms.replaceAll('*', '\\*')}, got `),
    );
  });
});

test.each([
  ['*', '*'],
  ['Ann@Example.COM.', 'ann@example.com'],
  ['"ann"@example.com', 'ann@example.com'],
  ['"A B"@example.com', '"a b"@example.com'],
  ['a@b@example.com', '"a@b"@example.com'],
  ['"*"@example.com', '"*"@example.com'],
  ['*@B\u00fccher.example', '*@xn--bcher-kva.example'],
  ['*@*.Example.com', '*@*.example.com'],
  ['Postmaster@*', 'postmaster@*'],
  ['*@[192.000.002.001]', '*@[192.0.2.1]'],
  ['*@[IPv6:2001:DB8:0:0:0:0:0:1]', '*@[ipv6:2001:db8::1]'],
  ['*@[IPv6:::ffff:192.0.2.1]', '*@[192.0.2.1]'],
])('the canonical form of %j is %j', (text, canonical) => {
  expect(parseAddressPattern(text)).toBe(canonical);
});

test('the examples of the README match as it says', () => {
  const page = readFileSync(new URL('../../src/policy/README.md', import.meta.url), 'utf8');
  const table = /\| Pattern \| Matches .*?\n\n/s.exec(page)?.[0].split('\n').slice(2, -2) ?? [];
  expect(table.length).toBeGreaterThan(5);
  const code = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
  for (const row of table) {
    const [, patternCell, matching, other] = row.split('|');
    const [pattern = ''] = code(patternCell);
    const routes = createRoutes([{ recipients: [pattern] }], hostname);
    const kinds = (cell?: string) => code(cell).map((each) => routes.match(mailboxOf(each)).kind);
    expect([pattern, ...kinds(matching)]).not.toContain('refuse');
    expect([pattern, ...kinds(other)]).not.toContain('accept');
  }
});

test('the null reverse-path is a pattern of grants alone', () => {
  expect(checkAddressPattern('<>')).toBeUndefined();
  expect(checkSender({ allowedSenders: ['<>'] }, null, hostname)).toBeUndefined();
  expect(checkSender({ allowedSenders: ['*'] }, null, hostname)).toBeUndefined();
  expect(checkSender({ allowedSenders: ['*@example.com'] }, null, hostname)?.code).toBe(550);
  expect(() => createRoutes([{ recipients: ['<>'] }], hostname)).toThrow(RangeError);
  expect(() => parseConfiguration(configurationWith(['<>']))).toThrow(forms);
});

const localPart = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .map((text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`);
const label = fc.stringMatching(/^[a-zA-Z0-9\u00e0-\u00f6]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?$/u);
const domain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));

test('any text is a pattern or not, and a canonical form is its own', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.tuple(localPart, domain).map((parts) => parts.join('@')),
      ),
      (text) => {
        const canonical = parseAddressPattern(text);
        if (canonical !== undefined) expect(parseAddressPattern(canonical)).toBe(canonical);
      },
    ),
  );
});

test('the address of any mailbox is a pattern that matches it', () => {
  fc.assert(
    fc.property(localPart, domain, (local, name) => {
      const mailbox = readPath(`<${local}@${name}>`, 0)?.mailbox;
      fc.pre(mailbox !== null && mailbox !== undefined);
      fc.pre(parseAddressPattern(`*@${name}`) !== undefined);
      const patterns = [`${local}@${name}`, `*@${name}`, `${local}@*`, '*'];
      // A star and the blanks of Unicode need quotes in a pattern, but not in mail.
      if (!/[*\s]/u.test(mailbox.localPart)) patterns.push(mailbox.address);
      for (const pattern of patterns) {
        const routes = createRoutes([{ recipients: [pattern] }], hostname);
        expect([pattern, routes.match(mailbox).kind]).toEqual([pattern, 'accept']);
      }
    }),
    { numRuns: 500 },
  );
});
