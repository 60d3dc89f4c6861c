import { expect, test } from 'vitest';
import { readPath } from '../../../src/smtp/grammar/path.ts';
import { pathByReference } from '../../support/reference-path.ts';

const local64 = 'l'.repeat(64);
const label63 = 'd'.repeat(63);
/** 189 octets: with a local part of 64, one "@" and two brackets a path of 256. */
const domain189 = `${label63}.${label63}.${'e'.repeat(61)}`;

test.each([
  // Mailbox = Local-part "@" ( Domain / address-literal )
  ['<a@b>', 'a', 'b', 'a@b'],
  ['<a.b.c@d.example>', 'a.b.c', 'd.example', 'a.b.c@d.example'],
  ["<!#$%&'*+-/=?^_`{|}~@x.y>", "!#$%&'*+-/=?^_`{|}~", 'x.y', "!#$%&'*+-/=?^_`{|}~@x.y"],
  ['<A@EXAMPLE.Com>', 'A', 'EXAMPLE.Com', 'A@EXAMPLE.Com'],
  ['<a@1-2.3>', 'a', '1-2.3', 'a@1-2.3'],
  // Quoted-string: written without its quotes where it needs none
  ['<"a"@b>', 'a', 'b', 'a@b'],
  ['<"a.b"@c>', 'a.b', 'c', 'a.b@c'],
  ['<"a b"@c>', 'a b', 'c', '"a b"@c'],
  ['<"a\\"\\\\\\b"@c>', 'a"\\b', 'c', '"a\\"\\\\b"@c'],
  ['<"a@b"@c>', 'a@b', 'c', '"a@b"@c'],
  ['<">"@c>', '>', 'c', '">"@c'],
  ['<""@c>', '', 'c', '""@c'],
  ['<".a"@c>', '.a', 'c', '".a"@c'],
  ['<"a..b"@c>', 'a..b', 'c', '"a..b"@c'],
  ['<"\\a"@c>', 'a', 'c', 'a@c'],
  // Address literals: section 4.1.3
  ['<a@[192.0.2.1]>', 'a', '[192.0.2.1]', 'a@[192.0.2.1]'],
  ['<a@[0.0.0.255]>', 'a', '[0.0.0.255]', 'a@[0.0.0.255]'],
  ['<a@[IPv6:2001:db8::1]>', 'a', '[IPv6:2001:db8::1]', 'a@[IPv6:2001:db8::1]'],
  ['<a@[ipv6:::]>', 'a', '[ipv6:::]', 'a@[ipv6:::]'],
  ['<a@[IPv6:1:2:3:4:5:6:7:8]>', 'a', '[IPv6:1:2:3:4:5:6:7:8]', 'a@[IPv6:1:2:3:4:5:6:7:8]'],
  [
    '<a@[IPv6:1:2:3:4:5:6:1.2.3.4]>',
    'a',
    '[IPv6:1:2:3:4:5:6:1.2.3.4]',
    'a@[IPv6:1:2:3:4:5:6:1.2.3.4]',
  ],
  ['<a@[IPv6:::ffff:192.0.2.1]>', 'a', '[IPv6:::ffff:192.0.2.1]', 'a@[IPv6:::ffff:192.0.2.1]'],
  ['<a@[IPv6:1:2:3:4::1.2.3.4]>', 'a', '[IPv6:1:2:3:4::1.2.3.4]', 'a@[IPv6:1:2:3:4::1.2.3.4]'],
  ['<a@[x-Tag9:any!thing]>', 'a', '[x-Tag9:any!thing]', 'a@[x-Tag9:any!thing]'],
  // A-d-l: accepted and ignored
  ['<@x:a@b>', 'a', 'b', 'a@b'],
  ['<@x.y,@[1.2.3.4],@[IPv6:::1]:a@b>', 'a', 'b', 'a@b'],
  // <Postmaster> without a domain: section 4.1.1.3
  ['<postmaster>', 'postmaster', '', 'postmaster'],
  ['<PostMaster>', 'PostMaster', '', 'PostMaster'],
  // Lengths: section 4.5.3.1
  [`<${local64}@${domain189}>`, local64, domain189, `${local64}@${domain189}`],
])('%s is a path', (text, localPart, domain, address) => {
  expect(readPath(`${text} SIZE=1`, 0)).toEqual({
    mailbox: { localPart, domain, address },
    isAscii: true,
    end: text.length,
  });
  expect(pathByReference(text)).toEqual({ localPart, domain });
});

test('<> is the null path', () => {
  expect(readPath('FROM:<>', 5)).toEqual({ mailbox: null, isAscii: true, end: 7 });
});

test.each([
  ['<用户@例え.テスト>', '用户', '例え.テスト'],
  ['<"用 户"@b>', '用 户', 'b'],
  ['<a@bücher.example>', 'a', 'bücher.example'],
  ['<😀@b>', '😀', 'b'],
  ['<@例え:a@b.é>', 'a', 'b.é'],
  ['<@例え:a@b>', 'a', 'b'],
])('%s is a path, for SMTPUTF8 only', (text, localPart, domain) => {
  expect(readPath(text, 0)).toMatchObject({ mailbox: { localPart, domain }, isAscii: false });
  expect(pathByReference(text)).toEqual({ localPart, domain });
});

test.each([
  [''],
  ['<'],
  ['a@b'],
  ['<a@b'],
  ['a@b>'],
  ['<a>'],
  ['<a@>'],
  ['<@b>'],
  ['<@b:>'],
  ['<@b,a@c>'],
  ['<@b,@:a@c>'],
  ['<@b;a@c>'],
  ['<@b,>'],
  ['<a@b@c>'],
  ['<.a@b>'],
  ['<a.@b>'],
  ['<a..b@c>'],
  ['<a b@c>'],
  ['<a@b c>'],
  ['<a\\b@c>'],
  ['<(c)a@b>'],
  ['<a@b.>'],
  ['<a@.b>'],
  ['<a@b..c>'],
  ['<a@-b>'],
  ['<a@b->'],
  ['<a@b-.c>'],
  ['<a@b_c>'],
  ['<"a@b>'],
  ['<"a"b@c>'],
  ['<"a\\'],
  ['<"a\\é"@c>'],
  ['<"a\u0080"@c>'],
  ['<"a\u0007"@c>'],
  ['<a\u0085@c>'],
  ['<"postmaster">'],
  ['<postmaster@>'],
  ['<@x:postmaster>'],
  ['<a@[]>'],
  ['<a@[1.2.3]>'],
  ['<a@[1.2.3.4.5]>'],
  ['<a@[1.2.3.256]>'],
  ['<a@[1..3.4]>'],
  ['<a@[1.2.3.]>'],
  ['<a@[1.2.3.0004]>'],
  ['<a@[1.2.3.4>'],
  ['<a@[1.2.3.4]x>'],
  ['<a@[IPv6:]>'],
  ['<a@[IPv6:1]>'],
  ['<a@[IPv6:1:2:3:4:5:6:7]>'],
  ['<a@[IPv6:1:2:3:4:5:6:7:8:9]>'],
  ['<a@[IPv6:1:2:3:4:5:6:7::]>'],
  ['<a@[IPv6:1:2:3:4:5::1.2.3.4]>'],
  ['<a@[IPv6:1::2::3]>'],
  ['<a@[IPv6::::1]>'],
  ['<a@[IPv6:12345::1]>'],
  ['<a@[IPv6:g::1]>'],
  ['<a@[IPv6:1.2.3.4::1]>'],
  ['<a@[IPv6:::1.2.3]>'],
  ['<a@[IPv6:1:2:3:4:5:6:7:]>'],
  ['<a@[tag]>'],
  ['<a@[:x]>'],
  ['<a@[tag:]>'],
  ['<a@[tag-:x]>'],
  ['<a@[t_g:x]>'],
  ['<a@[tag:x y]>'],
  ['<a@[tag:x[]>'],
  ['<a@[tag:x\\]>'],
  ['<a@[tag:é]>'],
  [`<l${local64}@b>`],
  [`<${'é'.repeat(33)}@b>`],
  [`<a@${label63}d.b>`],
  [`<a@${label63}.${label63}.${label63}.${label63}.b>`],
  [`<${local64}@${domain189}e>`],
  [`<@b:${local64}@${domain189}>`],
])('%s is no path', (text) => {
  expect(readPath(text, 0)).toBeUndefined();
  expect(pathByReference(text)).toBeUndefined();
});
