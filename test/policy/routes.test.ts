import { describe, expect, test } from 'vitest';
import { parseAddressPattern } from '../../src/policy/address-pattern.ts';
import { createRoutes } from '../../src/policy/routes.ts';
import { mailbox } from '../bridge/support.ts';

const refusal = { code: 550, status: '7.1', text: 'Closed' };

function prefixOf(patterns: readonly string[], address: string): string | undefined {
  const routes = createRoutes(
    patterns.map((pattern) => ({ recipients: [pattern], prefix: `${pattern}/` })),
    'mx.example',
  );
  const match = routes.match(mailbox(address));
  return match.kind === 'accept' ? match.prefix : undefined;
}

test.each([
  ['an address', 'bob@a.example', 'bob@a.example', true],
  ['an address, whatever the case of its local part', 'Bob@a.example', 'bOB@a.example', true],
  ['an address, whatever the case of its domain', 'bob@A.Example', 'bob@a.eXample', true],
  ['another local part', 'bob@a.example', 'bobby@a.example', false],
  ['every mailbox of a domain', '*@a.example', 'x@a.example', true],
  ['not a subdomain by its domain', '*@a.example', 'x@b.a.example', false],
  ['subdomains', '*@*.a.example', 'x@b.a.example', true],
  ['subdomains of subdomains', '*@*.a.example', 'x@c.b.a.example', true],
  ['not the domain itself by its subdomains', '*@*.a.example', 'x@a.example', false],
  ['not a domain that only ends the same', '*@*.a.example', 'x@ba.example', false],
  ['a local part at any domain', 'postmaster@*', 'Postmaster@z.example', true],
  ['everything', '*', 'x@y.example', true],
  ['a U-label by its A-label', '*@xn--bcher-kva.example', 'x@bücher.example', true],
  ['an A-label by its U-label', '*@Bücher.example', 'x@xn--bcher-kva.example', true],
  [
    'a local part in composed and decomposed form',
    'jose\u0301@a.example',
    'Jos\u00e9@a.example',
    true,
  ],
  ['an address literal', '*@[192.0.2.1]', 'x@[192.0.2.1]', true],
  ['a bare postmaster as one of the host', '*@mx.example', 'postmaster', true],
  ['a bare postmaster at any domain', 'postmaster@*', 'postmaster', true],
] as const)('a route matches %s', (_, pattern, address, matches) => {
  expect(prefixOf([pattern], address)).toBe(matches ? `${pattern}/` : undefined);
});

test('matches a quoted local part without its quotes', () => {
  const routes = createRoutes([{ recipients: ['"a b"@c.example'], prefix: 'q/' }], 'mx.example');
  const quoted = { localPart: 'a b', domain: 'c.example', address: '"a b"@c.example' };
  expect(routes.match(quoted)).toEqual({ kind: 'accept', prefix: 'q/' });
});

describe('of several routes that match, takes the first', () => {
  const patterns = ['*@*.a.example', 'bob@a.example', 'bob@*', '*@a.example', '*'];
  test.each([
    ['bob@a.example', 'bob@a.example'],
    ['bob@b.a.example', '*@*.a.example'],
    ['bob@z.example', 'bob@*'],
    ['eve@a.example', '*@a.example'],
    ['eve@z.example', '*'],
  ])('of several routes that match, takes the first: %s by %s', (address, pattern) => {
    expect(prefixOf(patterns, address)).toBe(`${pattern}/`);
  });
  test('of several routes that match, takes the first: even where a later one is closer', () => {
    expect(prefixOf(['*', 'bob@a.example'], 'bob@a.example')).toBe('*/');
  });
});

test('refuses a recipient that no route matches with 550 5.1.1', () => {
  const routes = createRoutes([{ recipients: ['*@a.example'] }], 'mx.example');
  expect(routes.match(mailbox('x@b.example'))).toMatchObject({
    kind: 'refuse',
    reply: { code: 550, status: '1.1' },
  });
});

test("refuses with a route's own reply", () => {
  const routes = createRoutes(
    [{ recipients: ['old@a.example'], reject: refusal }, { recipients: ['*@a.example'] }],
    'mx.example',
  );
  expect(routes.match(mailbox('OLD@a.example'))).toEqual({ kind: 'refuse', reply: refusal });
  expect(routes.match(mailbox('new@a.example'))).toEqual({ kind: 'accept' });
});

test('accepts everything when there are no routes, and nothing when the list is empty', () => {
  expect(createRoutes(undefined, 'mx.example').match(mailbox('x@y.example')).kind).toBe('accept');
  expect(createRoutes([], 'mx.example').match(mailbox('x@y.example')).kind).toBe('refuse');
});

test.each([
  '',
  '@',
  'a@',
  '@a',
  'a',
  '*@',
  '**',
  'a*@b.example',
  '*@*',
  'a@*.b',
  '*@*.*',
  'a b@c',
  '*@a b',
])('refuses the pattern %j', (text) => {
  expect(parseAddressPattern(text)).toBeUndefined();
  expect(() => createRoutes([{ recipients: [text] }], 'mx.example')).toThrow(RangeError);
});
