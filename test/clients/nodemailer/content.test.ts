// Messages as nodemailer composes or passes them: dots, line ends, long lines, attachments, streams, limits of size.
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { simpleParser } from 'mailparser';
import type { SendMailOptions } from 'nodemailer/lib/mailer';
import { describe, expect, test } from 'vitest';
import { Scene } from './scene.ts';

const HEADER = 'From: a@example.com\r\nSubject: raw\r\n\r\n';

/** Raw messages: what the client is given, and the octets that must arrive. */
const raw: readonly { readonly name: string; readonly given: string; readonly arrives?: string }[] =
  [
    { name: 'a line of one dot', given: 'one\r\n.\r\ntwo\r\n' },
    { name: 'lines that begin with dots', given: '.a\r\n..b\r\n...c\r\n. d\r\n' },
    { name: 'a dot at the very beginning', given: '.\r\n' },
    { name: 'a dot at the very end', given: 'one\r\n.', arrives: 'one\r\n.\r\n' },
    {
      name: 'dots behind bare line feeds',
      given: 'one\n.\n..two\n',
      arrives: 'one\r\n.\r\n..two\r\n',
    },
    { name: 'bare line feeds, made CRLF', given: 'one\ntwo\n', arrives: 'one\r\ntwo\r\n' },
    { name: 'no line end at the end', given: 'one', arrives: 'one\r\n' },
    { name: 'empty lines at the end', given: 'one\r\n\r\n\r\n' },
    { name: 'nothing', given: '' },
    { name: 'a line of 998 octets', given: `${'x'.repeat(998)}\r\n` },
    { name: 'a line of 100,000 octets', given: `${'x'.repeat(100_000)}\r\n` },
    { name: 'a line of 100,000 dots', given: `${'.'.repeat(100_000)}\r\n` },
    { name: '8-bit octets', given: 'Grüße, 日本語, 🙂\r\n' },
    { name: 'a NUL', given: 'a\0b\r\n' },
    { name: 'commands', given: 'QUIT\r\nRSET\r\nMAIL FROM:<x@example.com>\r\nDATA\r\n' },
  ];

describe('a raw message', () => {
  test.for(raw)('$name', async ({ given, arrives = given }) => {
    const scene = await Scene.start();
    const envelope = { from: 'a@example.com', to: 'b@example.com' };
    expect(await scene.send({ envelope, raw: HEADER + given })).toBe('250 2.0.0');
    expect(scene.arrived[0]?.octets.toString()).toBe(HEADER + arrives);
  });

  test.for([1, 2, 3, 5, 7])('whose stream gives %i octets at a time', async (size) => {
    const text = `${HEADER}.one\r\n..two\r\n.\r\n\r\n.three\r\n`;
    const chunks = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    const scene = await Scene.start();
    const envelope = { from: 'a@example.com', to: 'b@example.com' };
    expect(await scene.send({ envelope, raw: Readable.from(chunks) })).toBe('250 2.0.0');
    expect(scene.arrived[0]?.octets.toString()).toBe(text);
  });
});

describe('a composed message is parsed into what it was composed of', () => {
  const binary = randomBytes(100_000);
  test.for<{ readonly name: string; readonly mail: SendMailOptions; readonly parsed: object }>([
    {
      name: 'text beyond ASCII',
      mail: { text: 'Grüße, 日本語, 🙂\n.\nend', subject: '日本語 🙂' },
      parsed: { subject: '日本語 🙂', text: 'Grüße, 日本語, 🙂\n.\nend' },
    },
    {
      name: 'text in 8 bits',
      mail: { text: 'Grüße', textEncoding: 'base64' },
      parsed: { text: 'Grüße' },
    },
    {
      name: 'text and HTML',
      mail: { text: 'plain', html: '<p>rich</p>' },
      parsed: { text: 'plain', html: '<p>rich</p>' },
    },
    {
      name: 'an attachment of random octets',
      mail: { attachments: [{ filename: 'übung.bin', content: binary }] },
      parsed: { attachments: [{ filename: 'übung.bin', content: binary }] },
    },
    {
      name: 'an empty attachment',
      mail: { attachments: [{ filename: 'empty.txt', content: '' }] },
      parsed: { attachments: [{ filename: 'empty.txt', size: 0 }] },
    },
    {
      name: 'a calendar event',
      mail: { icalEvent: { method: 'REQUEST', content: 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n' } },
      parsed: { attachments: [{ contentType: 'text/calendar' }, { filename: 'invite.ics' }] },
    },
  ])('$name', async ({ mail, parsed }) => {
    const scene = await Scene.start();
    expect(await scene.send(mail)).toBe('250 2.0.0');
    const octets = scene.arrived[0]?.octets ?? Buffer.alloc(0);
    expect(await simpleParser(octets)).toMatchObject(parsed);
  });
});

test('a stream of 20 MB arrives octet by octet', async () => {
  const scene = await Scene.start();
  const line = `${'0123456789'.repeat(7)}\r\n`;
  const sent = createHash('sha256').update(HEADER);
  const body = Readable.from(
    (function* () {
      yield HEADER;
      for (let at = 0; at < 280; at += 1) {
        const chunk = `.${at}${line}`.repeat(1_000);
        sent.update(chunk);
        yield chunk;
      }
    })(),
  );
  const envelope = { from: 'a@example.com', to: 'b@example.com' };
  expect(await scene.send({ envelope, raw: body })).toBe('250 2.0.0');
  const octets = scene.arrived[0]?.octets ?? Buffer.alloc(0);
  expect(octets.length).toBeGreaterThan(20_000_000);
  expect(createHash('sha256').update(octets).digest('hex')).toBe(sent.digest('hex'));
});

describe('maxMessageSize is 5,000', () => {
  const limits = { maxMessageSize: 5_000 };
  const envelope = { from: 'a@example.com', to: 'b@example.com' };
  const message = (size: number): string => `${HEADER}${'x'.repeat(size - HEADER.length - 2)}\r\n`;

  test.for([
    { name: 'a message of 5,000 octets', raw: () => message(5_000), outcome: '250 2.0.0' },
    {
      name: 'a message of 5,001 octets',
      raw: () => message(5_001),
      outcome: 'EMESSAGE at DATA: 552 5.3.4',
    },
    {
      name: 'dots that are doubled on the wire do not count',
      raw: () => `${HEADER}${'.\r\n'.repeat((5_000 - HEADER.length) / 3)}`,
      outcome: '250 2.0.0',
    },
    {
      name: 'a stream of 10 MB is read to its end, and refused',
      raw: () => Readable.from([HEADER, ...Array.from({ length: 160 }, () => message(65_536))]),
      outcome: 'EMESSAGE at DATA: 552 5.3.4',
    },
  ])('$name: $outcome', async ({ raw: make, outcome }) => {
    const scene = await Scene.start({ options: { limits } });
    expect(await scene.send({ envelope, raw: make() })).toBe(outcome);
    expect(scene.arrived).toHaveLength(outcome.startsWith('250') ? 1 : 0);
    // The same server takes the next mail.
    expect(await scene.send()).toBe('250 2.0.0');
  });
});

test('the message has the DKIM signature that the client made, unchanged', async () => {
  const { generateKeyPairSync } = await import('node:crypto');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const scene = await Scene.start();
  const dkim = {
    domainName: 'example.com',
    keySelector: 'test',
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
  expect(await scene.send({ dkim, text: '.\n..\nend' })).toBe('250 2.0.0');
  const text = scene.arrived[0]?.octets.toString() ?? '';
  const bodyHash = /bh=([^;]+);/.exec(text.replace(/\r\n[ \t]+/g, ''))?.[1];
  // Relaxed canonicalization changes nothing in this body.
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  expect(createHash('sha256').update(body).digest('base64')).toBe(bodyHash);
});
