import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readInternetPath } from '../../src/smtp/grammar/internet-path.ts';
import { readPath } from '../../src/smtp/grammar/path.ts';
import { pathByReference } from '../support/reference-path.ts';
import { runs } from './runs.ts';

const characters = Array.from('.@:,-"\\ []<>é_aB9\t\u0085');
const words = ['..', '::', '1.2.3.4', '255', '256', 'IPv6:', 'ffff', '12345', 'postmaster'];
const pieces = characters.concat(words, 'x'.repeat(60));
const piece = fc.constantFrom(...pieces);
const soup = fc.array(piece, { maxLength: 24 }).map((parts) => parts.join(''));
const domain = fc.oneof(
  fc.constantFrom('b', 'b.example', 'x-y.z', '[192.0.2.1]', 'é.b'),
  fc
    .array(fc.constantFrom('1', 'ffff', '12345', ':', '::', '1.2.3.4', '0'), { maxLength: 17 })
    .map((parts) => `[IPv6:${parts.join('')}]`),
  soup,
);
const local = fc.oneof(
  fc.constantFrom('a', 'a.b', '"a b"', 'é'),
  soup,
  soup.map((text) => `"${text}"`),
);
const path = fc.oneof(
  fc.tuple(local, domain).map(([l, d]) => `<${l}@${d}>`),
  fc.tuple(domain, local, domain).map(([r, l, d]) => `<@${r}:${l}@${d}>`),
  soup.map((text) => `<${text}>`),
);

test('the path grammar agrees with the one of regular expressions', () => {
  fc.assert(
    fc.property(path, (text) => {
      const read = readPath(text, 0);
      // The reference reads whole texts only.
      const mailbox = read !== undefined && read.end === text.length ? read.mailbox : undefined;
      const expected = pathByReference(text);
      if (expected === undefined) expect(mailbox).toBeUndefined();
      else if (expected === null) expect(mailbox).toBeNull();
      else expect(mailbox).toMatchObject(expected);
    }),
    runs(5000),
  );
});

test('the address of a mailbox reads as the same mailbox', () => {
  fc.assert(
    fc.property(path, (text) => {
      const mailbox = readPath(text, 0)?.mailbox;
      if (mailbox) expect(readPath(`<${mailbox.address}>`, 0)?.mailbox).toEqual(mailbox);
    }),
    runs(3000),
  );
});

/** As senders write: with the characters that only the loose grammar knows, and without brackets. */
const loosePieces = pieces.concat(['(', ')', ',', ';', '\\', ' @', '. ', '(c)', '<<', '>>', 'a\\']);
const loose = fc.oneof(
  path,
  fc
    .array(fc.constantFrom(...loosePieces), { maxLength: 16 })
    .map((parts) => parts.join(''))
    .chain((text) => fc.constantFrom(text, `<${text}>`, `<${text}@x.test>`, `<a@${text}>`)),
);

test('what is a path by the grammar is the same path in the loose grammar', () => {
  fc.assert(
    fc.property(path, (text) => {
      const strict = readPath(text, 0);
      if (strict?.end === text.length) expect(readInternetPath(text, 0)).toEqual(strict);
    }),
    runs(3000),
  );
});

test('the address of a mailbox of the loose grammar reads as the same mailbox', () => {
  fc.assert(
    fc.property(loose, (text) => {
      const mailbox = readInternetPath(text, 0)?.mailbox;
      if (mailbox) expect(readInternetPath(`<${mailbox.address}>`, 0)?.mailbox).toEqual(mailbox);
    }),
    runs(5000),
  );
});
