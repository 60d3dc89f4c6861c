import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SessionOptions } from '../../src/smtp/index.ts';
import { scramSha256 } from '../../src/smtp/sasl/scram.ts';
import { newSession } from '../support/session.ts';
import { cutAt, octetByOctet } from '../support/splits.ts';
import { drive } from './drive.ts';
import { runs } from './runs.ts';

const options: fc.Arbitrary<Partial<SessionOptions>> = fc.record({
  protocol: fc.constantFrom('smtp', 'smtp', 'lmtp'),
  tls: fc.constantFrom('none', 'starttls'),
  auth: fc.constantFrom('none', 'none', 'optional', 'required'),
  allowInsecureAuth: fc.boolean(),
  mechanisms: fc.constant(['SCRAM-SHA-256', 'PLAIN', 'LOGIN', 'OAUTHBEARER', 'XOAUTH2']),
  // Its nonce is the same in every run.
  customMechanisms: fc.constant([scramSha256(() => 'server')]),
  addressSyntax: fc.constantFrom('internet', 'strict'),
  bareNewline: fc.constantFrom('reject', 'normalize', 'accept'),
  chunking: fc.boolean(),
  dsn: fc.boolean(),
  limits: fc.boolean(),
  maxMessageSize: fc.constantFrom(5, 60, 100_000),
  maxRecipients: fc.constantFrom(1, 3),
  maxRecipientDomains: fc.constantFrom(1, 3),
  maxMessages: fc.constantFrom(2, 100),
  maxErrors: fc.constantFrom(3, 1000),
});

/** What leads deep into a session, what leads astray in it, and octets that lead nowhere. */
const piece = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .constantFrom(
        ...['EHLO c', 'HELO c', 'LHLO c', 'MAIL FROM:<a@b>', 'MAIL FROM:<> SIZE=5 BODY=8BITMIME'],
        ...['MAIL FROM:<ä@b>', 'MAIL\tFROM: a@b', 'RCPT TO:root', ' EHLO ä b', 'AUTH  LOGIN'],
        ...['MAIL FROM:<ä@b> SMTPUTF8', 'MAIL FROM:<a@b> BODY=BINARYMIME', 'RCPT TO:<b@b>'],
        ...[
          'RCPT TO:<b@c> NOTIFY=NEVER',
          'RCPT TO:<postmaster>',
          'DATA',
          '.',
          '..',
          '.x',
          '',
          'text',
        ],
        ...['EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@b>\r\nDATA', 'BDAT 5\r\nhel\r', 'BDAT 0 LAST'],
        ...['BDAT 3 LAST\r\nabc', 'BDAT 9', 'BDAT x', 'RSET', 'NOOP', 'VRFY a', 'EXPN a', 'HELP'],
        ...[
          'STARTTLS',
          'AUTH PLAIN',
          'AUTH PLAIN AGEAYg==',
          'AUTH LOGIN',
          'YQ==',
          'Yg==',
          '*',
          '=',
        ],
        ...['AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9YWJj', 'Yz1iaXdzLHI9YWJjLHA9QUFBQQ==', 'AUTH X'],
        ...['AUTH OAUTHBEARER biwsAWF1dGg9QmVhcmVyIHQBAQ==', 'AQ==', 'XCLIENT ADDR=192.0.2.9'],
      )
      .map((line) => Buffer.from(`${line}\r\n`)),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(
        ...[
          '\r',
          '\n',
          '.',
          '\r\n',
          '\n.\n',
          '\n.\r\n',
          '\r\n.\n',
          '\r.\r',
          '\r.\r\n',
          '\0',
          '\x16',
        ],
        ...['\r\n.\r\n', 'QUIT\r\n', 'GET / HTTP/1.1\r\n', '.\r\n'.repeat(50), 'x'.repeat(13_000)],
      )
      .map((text) => Buffer.from(text, 'latin1')),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((octets) => Buffer.from(octets)) },
);
const input = fc.array(piece, { maxLength: 30 }).map((pieces) => Buffer.concat(pieces));
const choices = fc.array(fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 2, 3), {
  minLength: 1,
  maxLength: 9,
});

test('a session does the same for every split and however late it is answered', () => {
  fc.assert(
    fc.property(options, input, fc.array(fc.nat(2000), { maxLength: 8 }), choices, (...row) => {
      const [chosen, bytes, cuts, answers] = row;
      const whole = drive(chosen, [bytes], answers, false);
      expect(drive(chosen, cutAt(bytes, cuts), answers, false)).toEqual(whole);
      expect(drive(chosen, cutAt(bytes, cuts), answers, true)).toEqual(whole);
      if (bytes.length < 400) {
        expect(drive(chosen, octetByOctet(bytes), answers, false)).toEqual(whole);
      }
    }),
    runs(400),
  );
});

const LINE = /^([2345]\d\d)([ -])(?:([245])\.\d{1,3}\.\d{1,3} )?[\x20-\x7e]*$/;

test('every reply is well formed, and its two severities agree', () => {
  fc.assert(
    fc.property(options, input, choices, (chosen, bytes, answers) => {
      const { text } = drive(chosen, [bytes], answers, false);
      expect(text.endsWith('\r\n')).toBe(true);
      let begun: string | undefined;
      for (const line of text.slice(0, -2).split('\r\n')) {
        const [, code, separator, severity] = LINE.exec(line) ?? [];
        expect(code, line).toBeDefined();
        expect(line.length).toBeLessThanOrEqual(510);
        if (severity !== undefined) expect(severity).toBe(code?.[0]);
        // The lines of one reply have one code (RFC 5321 section 4.2.1).
        if (begun !== undefined) expect(code).toBe(begun);
        begun = separator === '-' ? code : undefined;
      }
      expect(begun).toBeUndefined();
    }),
    runs(400),
  );
});

test('pipelined commands have their replies, in their order', () => {
  const command = fc.constantFrom(
    ['NOOP', '250 '],
    ['RSET', '250 '],
    ['HELP', '214 '],
    ['VRFY someone', '252 '],
    ['EXPN list', '502 '],
    ['MAIL FROM:<a@b> X=1', '555 '],
    ['RCPT TO:<a@b>', '503 '],
    ['XYZZY', '500 '],
    ['EHLO client.example', '250 '],
    ['MAIL FROM:<a@b>\r\nRSET', '250 250 '],
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const lines = ['EHLO client.example', ...commands.map(([line]) => line)].join('\r\n');
      const { text } = drive({ maxErrors: 1000 }, [Buffer.from(`${lines}\r\n`)], [0], false);
      const codes = text.match(/^\d{3} /gm)?.join('');
      expect(codes).toBe(`220 250 ${commands.map(([, code]) => code).join('')}`);
    }),
    runs(300),
  );
});

test('no plaintext octet after STARTTLS has any effect', () => {
  fc.assert(
    fc.property(input, input, (before, after) => {
      const session = newSession({ tls: 'starttls' });
      session.begin();
      const command = Buffer.from('STARTTLS\r\n');
      const outputs = session.receive(Buffer.concat([command, before]));
      expect(outputs.map(({ kind }) => kind)).toEqual(['send', 'upgrade-tls']);
      const { snapshot } = session;
      expect(session.receive(after)).toEqual([]);
      expect(session.snapshot).toBe(snapshot);
      expect(session.pendingOctets).toBe(0);
      expect(session.secured({ version: 'TLSv1.3', cipher: 'x' })).toEqual([]);
    }),
    runs(200),
  );
});
