import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ForgedFieldFilter, HELD_OCTETS } from '../../../src/bridge/intake/forged-field-filter.ts';

const OURS = ' mx.in.example; dmarc=pass';
const THEIRS = ' mx.other.example; dmarc=pass';

/** What is stored of a message that comes in these pieces. */
function pass(pieces: readonly Buffer[]): {
  readonly stored: string;
  readonly received: string;
  readonly renamed: number;
  readonly isCopied: boolean;
} {
  const stored: Buffer[] = [];
  const received: Buffer[] = [];
  let isCopied = false;
  const take = (span: Buffer, sent: Buffer): boolean => {
    stored.push(span);
    received.push(sent);
    isCopied ||= span !== sent;
    return true;
  };
  const filter = new ForgedFieldFilter('mx.in.example', take);
  for (const piece of pieces) {
    if (filter.isOver) take(piece, piece);
    else filter.write(piece, piece);
  }
  filter.end();
  return {
    stored: Buffer.concat(stored).toString('latin1'),
    received: Buffer.concat(received).toString('latin1'),
    renamed: filter.renamed,
    isCopied,
  };
}

function split(text: string, cuts: readonly number[]): Buffer[] {
  const octets = Buffer.from(text, 'latin1');
  const at = [...new Set(cuts.map((cut) => cut % (octets.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...at].map((from, index) => octets.subarray(from, at[index]));
}

const messages: [string, string, string][] = [
  [
    'in the first line',
    `Authentication-Results:${OURS}\r\nSubject: x\r\n\r\nbody`,
    `X-Former-Authn-Results:${OURS}\r\nSubject: x\r\n\r\nbody`,
  ],
  [
    'in any case, folded, with blanks before the colon',
    `A: b\r\nAUTHENTICATION-results \t:\r\n\tmx.in.example;\r\n\tspf=pass\r\nB: c\r\n\r\n`,
    `A: b\r\nX-Former-Authn-Results \t:\r\n\tmx.in.example;\r\n\tspf=pass\r\nB: c\r\n\r\n`,
  ],
  [
    'among those of others',
    `Authentication-Results:${THEIRS}\r\nAuthentication-Results:${OURS}\r\nAuthentication-Results:${THEIRS}\r\n\r\n`,
    `Authentication-Results:${THEIRS}\r\nX-Former-Authn-Results:${OURS}\r\nAuthentication-Results:${THEIRS}\r\n\r\n`,
  ],
  [
    'of all three names, as the last fields, without a body',
    `Return-Path: <a@b>\r\nReceived-SPF: pass\r\nAuthentication-Results:${OURS}`,
    `X-Former-RP: <a@b>\r\nX-Former-SPF: pass\r\nX-Former-Authn-Results:${OURS}`,
  ],
  [
    'behind bare LFs and bare CRs',
    `A: b\nReturn-Path: <a@b>\rReceived-SPF: pass\nB: c\n\nReturn-Path: body`,
    `A: b\nX-Former-RP: <a@b>\rX-Former-SPF: pass\nB: c\n\nReturn-Path: body`,
  ],
  [
    'not in the body, in a continuation, in the value or in a longer name',
    `A: Return-Path: x\r\n Return-Path: y\r\nX-Return-Path: z\r\nReturn-Paths: z\r\n\r\nReturn-Path: <a@b>\r\n`,
    `A: Return-Path: x\r\n Return-Path: y\r\nX-Return-Path: z\r\nReturn-Paths: z\r\n\r\nReturn-Path: <a@b>\r\n`,
  ],
  [
    'in a message without a header section',
    `\r\nReturn-Path: <a@b>\r\n`,
    `\r\nReturn-Path: <a@b>\r\n`,
  ],
  [
    'behind a byte order mark',
    `\xef\xbb\xbfAuthentication-Results:${OURS}\r\nSubject: x\r\n\r\nbody`,
    `\xef\xbb\xbfX-Former-Authn-Results:${OURS}\r\nSubject: x\r\n\r\nbody`,
  ],
  ['in an empty message', '', ''],
];

test.each(messages)(
  'a field that claims to be ours is renamed %s, however it is split',
  (_, sent, expected) => {
    expect(pass([Buffer.from(sent, 'latin1')]).stored).toBe(expected);
    const octets = [...Buffer.from(sent, 'latin1')].map((octet) => Buffer.of(octet));
    expect(pass(octets).stored).toBe(expected);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 6 }), (cuts) => {
        const { stored, received, isCopied } = pass(split(sent, cuts));
        expect(stored).toBe(expected);
        expect(received).toBe(sent);
        expect(isCopied).toBe(stored !== sent);
      }),
    );
  },
);

test('a field whose end is far away is judged by its beginning', () => {
  const long = ` (${'x'.repeat(40_000)}) mx.other.example; dmarc=pass`;
  const chunks = Array.from({ length: 41 }, (_, at) =>
    Buffer.from(`Authentication-Results:${long}\r\n\r\n`.slice(at * 1000, (at + 1) * 1000)),
  );
  const { stored, renamed } = pass(chunks);
  // A comment that has not ended where the judgment is due hides who speaks.
  expect(renamed).toBe(1);
  expect(stored.startsWith('X-Former-Authn-Results: (xxx')).toBe(true);
});

test('no more is held back than 16 KiB and a packet', () => {
  let passed = 0;
  const filter = new ForgedFieldFilter('mx.in.example', (span) => {
    passed += span.length;
    return true;
  });
  let sent = 0;
  const write = (text: string): void => {
    sent += text.length;
    filter.write(Buffer.from(text), Buffer.from(text));
    expect(sent - passed).toBeLessThanOrEqual(HELD_OCTETS + 100);
  };
  write('Received-SPF:');
  for (let line = 0; line < 2000; line++) write(` ${'y'.repeat(50)}\r\n`);
  write('Authentication-Results');
  for (let blank = 0; blank < 2000; blank++) write('          ');
});

test('fields are renamed in a header section of several megabytes', () => {
  const filler = `X-Filler: ${'z'.repeat(980)}\r\n`.repeat(9000);
  const { stored, renamed } = pass(
    split(`${filler}Authentication-Results:${OURS}\r\n\r\nbody`, [1_000_003, 5_000_017, 9_000_001]),
  );
  expect(renamed).toBe(1);
  expect(stored.endsWith(`\r\nX-Former-Authn-Results:${OURS}\r\n\r\nbody`)).toBe(true);
});

test('normalized spans are renamed too, beside what was received', () => {
  const stored: Buffer[] = [];
  const received: Buffer[] = [];
  const filter = new ForgedFieldFilter('mx.in.example', (span, sent) => {
    stored.push(span);
    received.push(sent);
    return true;
  });
  filter.write(Buffer.from('A: b\r\nReturn-'), Buffer.from('A: b\nReturn-'));
  filter.write(Buffer.from('Path: <x@y>\r\n\r\nbody'), Buffer.from('Path: <x@y>\n\r\nbody'));
  filter.end();
  expect(Buffer.concat(stored).toString()).toBe('A: b\r\nX-Former-RP: <x@y>\r\n\r\nbody');
  expect(Buffer.concat(received).toString()).toBe('A: b\nReturn-Path: <x@y>\n\r\nbody');
});
