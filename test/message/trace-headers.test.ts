import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFields } from '../../src/message/header-section.ts';
import { renderTraceHeaders } from '../../src/message/trace-headers.ts';
import { notVerified, type Verification } from '../../src/bridge/contract/verification.ts';
import { type FactsInput, facts } from '../bridge/support.ts';

const ID = '0'.repeat(40);
const at = new Date('2026-11-23T13:05:06Z');
const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
const identity = { username: 'printer', mechanism: 'PLAIN' };

function render(input: FactsInput = {}, verification: Verification = notVerified): string {
  const of = facts({ receivedAt: at, messageId: ID, ...input });
  const { recipients } = of.envelope;
  const hostname = 'mx.in.example';
  return renderTraceHeaders({
    facts: of,
    messageId: ID,
    hostname,
    recipients,
    verification,
  }).toString();
}

function field(name: string, text: string): string | undefined {
  return parseFields(Buffer.from(text)).find((each) => each.name === name)?.value;
}

test('writes the four fields in the order that Amazon SES has them', () => {
  expect(parseFields(Buffer.from(render()))).toEqual([
    { name: 'Return-Path', value: '<ann@sender.example>' },
    {
      name: 'Received',
      value: `from client.example ([192.0.2.7]) by mx.in.example with ESMTP id ${ID} for <bob@in.example>; Mon, 23 Nov 2026 13:05:06 +0000 (UTC)`,
    },
    {
      name: 'Received-SPF',
      value:
        'none (mx.in.example: SPF was not checked) client-ip=192.0.2.7; envelope-from=ann@sender.example; helo=client.example;',
    },
    { name: 'Authentication-Results', value: 'mx.in.example; none' },
  ]);
});

test.each([
  ['SMTP', { protocol: 'SMTP' }, {}],
  ['SMTP', { protocol: 'SMTP', tls }, {}],
  ['ESMTP', {}, {}],
  ['ESMTPS', { tls }, {}],
  ['ESMTPA', { identity }, {}],
  ['ESMTPSA', { tls, identity }, {}],
  ['LMTP', { protocol: 'LMTP' }, {}],
  ['LMTPSA', { protocol: 'LMTP', tls, identity }, {}],
  ['UTF8SMTP', {}, { smtpUtf8: true }],
  ['UTF8SMTPSA', { tls, identity }, { smtpUtf8: true }],
  ['UTF8LMTPS', { protocol: 'LMTP', tls }, { smtpUtf8: true }],
] as const)('says "with %s" (RFC 3848, RFC 6531)', (keyword, session, parameters) => {
  expect(field('Received', render({ session, parameters }))).toContain(` with ${keyword} id `);
});

test('names the cipher suite in a tls clause (RFC 8314 section 4.3)', () => {
  expect(field('Received', render({ session: { tls } }))).toContain(
    ' tls TLS_AES_256_GCM_SHA384 (TLSv1.3);',
  );
});

test.each([
  ['IPv6', { clientAddress: '2001:db8::1' }, 'from client.example ([IPv6:2001:db8::1]) by'],
  ['no HELO name', { clientDomain: '' }, 'from [192.0.2.7] by'],
  ['an address literal', { clientDomain: '[192.0.2.9]' }, 'from [192.0.2.9] ([192.0.2.7]) by'],
  ['a name that is none', { clientDomain: 'a b (c)' }, 'from [192.0.2.7] (said a b \\(c\\)) by'],
] as const)('writes a client with %s', (_, session, expected) => {
  expect(field('Received', render({ session }))).toContain(expected);
});

test('names no recipient when there are several', () => {
  expect(render({ to: ['a@in.example', 'b@in.example'] })).not.toContain('for <');
});

test('writes the null reverse-path', () => {
  expect(field('Return-Path', render({ from: null }))).toBe('<>');
  expect(render({ from: null })).not.toContain('envelope-from');
});

test.each([
  // Dots need no quotes to be read
  ['.a..b.@x.example', '.a..b.@x.example'],
  ['"a b"@x.example', '"a b"@x.example'],
  ['"a\\"b"@x.example', '"a\\"b"@x.example'],
  // What would end the address, or begin something else
  ['a@b@x.example', '"a@b"@x.example'],
  ['a:b@x.example', '"a:b"@x.example'],
  ['a)@x.example', '"a)"@x.example'],
  ['a>@x.example', '"a>"@x.example'],
  ['"a@x.example', '"\\"a"@x.example'],
  ['a b@x.example', '"a b"@x.example'],
  // No local part, no domain
  ['@x.example', '@x.example'],
  ['postmaster', 'postmaster'],
])('writes the address %s as %s', (address, written) => {
  const text = render({ from: address, to: [address] });
  expect(field('Return-Path', text)).toBe(`<${written}>`);
  expect(field('Received', text)).toContain(` for <${written}>;`);
});

test('writes an address that is not ASCII, and only what is declared as UTF8SMTP', () => {
  const text = render({ from: 'ä@x.example', undeclaredUtf8: true });
  expect(field('Return-Path', text)).toBe('<ä@x.example>');
  expect(field('Received', text)).toContain(' with ESMTP id ');
  expect(field('Return-Path', render({ from: 'ä@x.example' }))).toBe('<?@x.example>');
});

test('writes no bidirectional mark', () => {
  const text = render({
    from: 'a\u202eb@x.example',
    undeclaredUtf8: true,
    session: { clientDomain: 'evil\u2066.example' },
  });
  expect(field('Return-Path', text)).toBe('<a?b@x.example>');
  expect(field('Received', text)).toContain('from [192.0.2.7] (said evil?.example)');
});

test('leaves no address out that a listener takes: up to 900 octets, and quotes', () => {
  const address = `${':'.repeat(890)}@x.example`;
  expect(field('Return-Path', render({ from: address }))).toHaveLength(904);
});

test('says who signed in (RFC 8601 section 2.7.4), quoted where needed', () => {
  const results = (username: string) =>
    field('Authentication-Results', render({ session: { identity: { ...identity, username } } }));
  expect(results('printer')).toBe('mx.in.example; auth=pass (PLAIN) smtp.auth=printer');
  expect(results('a b"; spf=pass')).toBe(
    'mx.in.example; auth=pass (PLAIN) smtp.auth="a b\\"; spf=pass"',
  );
});

test('writes what a check found out', () => {
  const text = render(
    {},
    {
      ...notVerified,
      results: ['spf=pass smtp.mailfrom=sender.example', 'dmarc=fail header.from=sender.example'],
      receivedSpf: 'pass (mx.in.example: permitted) client-ip=192.0.2.7;',
    },
  );
  expect(field('Received-SPF', text)).toBe('pass (mx.in.example: permitted) client-ip=192.0.2.7;');
  expect(field('Authentication-Results', text)).toBe(
    'mx.in.example; spf=pass smtp.mailfrom=sender.example; dmarc=fail header.from=sender.example',
  );
});

test('lets nothing that a client says add a field, break a line, or be over-long', () => {
  const hostile = fc.string({
    unit: fc.constantFrom(
      '\r',
      '\n',
      '\r\n',
      ' ',
      '\t',
      ':',
      'Bcc: x',
      '"',
      '(',
      '>',
      '@',
      '\\',
      '\0',
      'ä',
      '\u2028',
      'a'.repeat(400),
    ),
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      hostile,
      hostile,
      hostile,
      hostile,
      fc.boolean(),
      (helo, user, from, to, smtpUtf8) => {
        const text = render({
          from,
          to: [to],
          session: {
            clientDomain: helo,
            tls: { version: helo, cipher: user },
            identity: { username: user, mechanism: from },
          },
          parameters: smtpUtf8 ? { smtpUtf8 } : {},
        });
        expect(text.endsWith('\r\n')).toBe(true);
        const lines = text.slice(0, -2).split('\r\n');
        for (const line of lines) {
          expect(Buffer.byteLength(line)).toBeLessThanOrEqual(998);
          expect(line).not.toMatch(/[\r\n\0]/);
          if (!smtpUtf8) expect(line).toMatch(/^[\t -~]*$/);
        }
        const names = lines
          .filter((line) => !line.startsWith('\t'))
          .map((line) => line.split(':')[0]);
        expect(names.filter((name) => name !== 'Return-Path')).toEqual([
          'Received',
          'Received-SPF',
          'Authentication-Results',
        ]);
      },
    ),
  );
});
