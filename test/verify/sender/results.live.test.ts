// Authentication-Results and Received-SPF: what each method says, and that no octet of a peer begins another clause. The trace
// fields are written as in a stored mail and read by Python's authres.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderTraceHeaders } from '../../../src/message/trace-headers.ts';
import {
  type ClauseSource,
  renderClauses,
} from '../../../src/verify/sender/results/authentication-results.ts';
import {
  type ReceivedSpfSource,
  renderReceivedSpf,
} from '../../../src/verify/sender/results/received-spf.ts';
import { dkimVerdict, verdictOf } from '../../../src/verify/sender/results/verdicts.ts';
import { missingAuthres, parseResults } from './authres.ts';

/** The trace fields of a stored mail. */
function traceOf(results: readonly string[], receivedSpf?: string): string {
  return renderTraceHeaders({
    facts: {
      receivedAt: new Date('2026-11-29T12:00:00Z'),
      session: {
        clientDomain: 'client.example',
        clientAddress: '192.0.2.1',
        protocol: 'ESMTP',
        tls: null,
        identity: null,
      },
      envelope: { reversePath: { address: 'a@a.example' }, parameters: {} },
    },
    messageId: 'id',
    hostname: 'mx.test',
    recipients: [],
    verification: { results, ...(receivedSpf !== undefined && { receivedSpf }) },
  }).toString('utf8');
}

const whole: ClauseSource = {
  address: '192.0.2.1',
  spf: { result: 'pass', identity: 'mailfrom', domain: 'a.example' },
  dkim: [
    {
      result: 'pass',
      domain: 'a.example',
      selector: 's1',
      algorithm: 'rsa-sha256',
      signature: 'AbC/+d=e',
    },
    { result: 'pass', domain: 'b.example', selector: 's2', partial: true },
    { result: 'permerror', domain: 'c.example', selector: 's3', reason: 'no key' },
    { result: 'neutral', domain: '', selector: '', reason: 'no d=' },
  ],
  unjudged: 3,
  dmarc: { result: 'fail', domain: 'a.example', policy: 'reject' },
  arc: { result: 'pass' },
};

test('each method has the properties that are registered for it', ({ skip }) => {
  const reason = missingAuthres();
  skip(reason !== undefined, reason);
  const [parsed] = parseResults([traceOf(renderClauses(whole))]);
  expect(parsed?.ids).toEqual(['mx.test']);
  expect(parsed?.results).toEqual([
    { method: 'spf', result: 'pass', reason: null, properties: { 'smtp.mailfrom': 'a.example' } },
    {
      method: 'dkim',
      result: 'pass',
      reason: null,
      properties: {
        'header.d': 'a.example',
        'header.s': 's1',
        'header.a': 'rsa-sha256',
        'header.b': 'AbC/+d=e',
      },
    },
    // What leaves a part of the body unsigned must not be read as a pass.
    {
      method: 'dkim',
      result: 'policy',
      reason: 'the signature leaves a part of the body unsigned',
      properties: { 'header.d': 'b.example', 'header.s': 's2' },
    },
    {
      method: 'dkim',
      result: 'permerror',
      reason: 'no key',
      properties: { 'header.d': 'c.example', 'header.s': 's3' },
    },
    { method: 'dkim', result: 'neutral', reason: 'no d=', properties: {} },
    {
      method: 'dkim',
      result: 'policy',
      reason: '3 more signatures were not checked',
      properties: {},
    },
    {
      method: 'dmarc',
      result: 'fail',
      reason: null,
      properties: { 'header.from': 'a.example', 'policy.dmarc': 'reject' },
    },
    { method: 'arc', result: 'pass', reason: null, properties: { 'smtp.remote-ip': '192.0.2.1' } },
  ]);
});

const few: readonly (readonly [string, ClauseSource, readonly string[]])[] = [
  ['nothing was checked', { address: '192.0.2.1' }, []],
  ['no signature', { address: '192.0.2.1', dkim: [] }, ['dkim=none']],
  [
    'the null reverse-path',
    { address: '192.0.2.1', spf: { result: 'none', identity: 'helo', domain: 'h.example' } },
    ['spf=none smtp.helo=h.example'],
  ],
  [
    'no domain for SPF',
    { address: '192.0.2.1', spf: { result: 'none', identity: 'mailfrom', domain: '' } },
    ['spf=none'],
  ],
  ['no chain', { address: '192.0.2.1', arc: { result: 'none' } }, ['arc=none']],
  [
    'a chain from an IPv6 address',
    { address: '2001:db8::1', arc: { result: 'fail' } },
    ['arc=fail smtp.remote-ip="2001:db8::1"'],
  ],
  [
    'an unclear author',
    { address: '192.0.2.1', dmarc: { result: 'permerror', reason: 'more than one From field' } },
    ['dmarc=permerror reason="more than one From field"'],
  ],
];

test.each(few)('the clauses where there is %s', (_, source, clauses) => {
  expect(renderClauses(source)).toEqual(clauses);
});

const results = ['pass', 'fail', 'none', 'neutral', 'temperror', 'permerror'] as const;
/** Text of a peer: what a clause is made of, in any order. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '; dkim=pass header.d=v.example',
        '"',
        '\\',
        '(',
        ')',
        ';',
        '=',
        '\r\n',
        '\r',
        '\n',
        '\0',
        ' ',
        '\t',
        '@',
        '<',
        '>',
        ',',
        '.',
        '/',
        '\u202e',
        '\u2028',
        'é',
        '\ud800',
        'x'.repeat(300),
      ),
      fc.string({ maxLength: 8 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
const source: fc.Arbitrary<ClauseSource> = fc.record({
  address: hostile,
  spf: fc.record({
    result: fc.constantFrom(...results),
    identity: fc.constantFrom('mailfrom', 'helo'),
    domain: hostile,
    problem: hostile,
  }),
  dkim: fc.array(
    fc.record({
      result: fc.constantFrom(...results),
      domain: hostile,
      selector: hostile,
      algorithm: hostile,
      signature: hostile,
      reason: hostile,
    }),
    { minLength: 1, maxLength: 3 },
  ),
  dmarc: fc.record({
    result: fc.constantFrom(...results),
    domain: hostile,
    policy: hostile,
    reason: hostile,
  }),
  arc: fc.record({ result: fc.constantFrom(...results), reason: hostile }),
});

test('no text of a peer adds, removes or alters a result', ({ skip }) => {
  const reason = missingAuthres();
  skip(reason !== undefined, reason);
  const sources = fc.sample(source, { numRuns: 500 });
  const sections = sources.map((each) => traceOf(renderClauses(each)));
  const parsed = parseResults(sections);
  for (const [index, { spf, dkim = [], dmarc, arc }] of sources.entries()) {
    const read = parsed[index];
    const said = [spf, ...dkim, dmarc, arc].map((each) => each?.result);
    expect(
      read?.results.map(({ result }) => result),
      sections[index],
    ).toEqual(said);
    expect(read?.names).toEqual([
      'Return-Path',
      'Received',
      'Received-SPF',
      'Authentication-Results',
    ]);
    expect(read?.ids).toEqual(['mx.test']);
  }
});

test('no clause is longer than one that is stored whole', () => {
  for (const each of fc.sample(source, { numRuns: 500 })) {
    for (const clause of renderClauses(each))
      expect(Buffer.byteLength(clause)).toBeLessThanOrEqual(900);
  }
  // Of names that DNS can have, none is cut.
  const name = `${'a'.repeat(63)}.`.repeat(4).slice(0, 253);
  const clauses = renderClauses({
    address: '192.0.2.1',
    spf: { result: 'permerror', identity: 'mailfrom', domain: name, problem: 'p'.repeat(300) },
    dkim: [
      {
        result: 'permerror',
        domain: name,
        selector: name,
        algorithm: 'rsa-sha256',
        signature: 'AAAAAAAA',
        reason: 'r'.repeat(300),
      },
    ],
    dmarc: { result: 'permerror', domain: name, policy: 'quarantine', reason: 'r'.repeat(300) },
  });
  for (const clause of clauses) expect(Buffer.byteLength(clause)).toBeLessThanOrEqual(900);
});

/** The grammar of RFC 7208 section 9.1, strictly; `undefined` where the value is none. */
function parseReceivedSpf(
  value: string,
): { result: string; pairs: Map<string, string> } | undefined {
  const match = /^(pass|fail|softfail|neutral|none|temperror|permerror) \(([^()\\]*)\) (.*)$/s.exec(
    value,
  );
  if (match === null) return undefined;
  const [, result = '', , rest = ''] = match;
  const pairs = new Map<string, string>();
  const pair = /([a-z-]+)=([\w!#$%&'*+/=?^`{|}~.-]+|"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*")(?:; |$)/uy;
  while (pair.lastIndex < rest.length) {
    const found = pair.exec(rest);
    if (found === null) return undefined;
    const [, key = '', text = ''] = found;
    if (pairs.has(key)) return undefined;
    pairs.set(key, text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/gu, '$1') : text);
    if (pair.lastIndex === 0) break;
  }
  return { result, pairs };
}

const plain: ReceivedSpfSource = {
  result: 'pass',
  identity: 'mailfrom',
  domain: 'example.com',
  envelopeFrom: 'myname@example.com',
  helo: 'foo.example.com',
  address: '192.0.2.1',
  hostname: 'mybox.example.org',
  mechanism: 'ip4:192.0.2.0/24',
};

test('Received-SPF has the keys of RFC 7208 section 9.1', () => {
  expect(renderReceivedSpf(plain)).toBe(
    'pass (mybox.example.org: example.com permits this client) client-ip=192.0.2.1; receiver=mybox.example.org; identity=mailfrom; envelope-from="myname@example.com"; helo=foo.example.com; mechanism="ip4:192.0.2.0/24"',
  );
  expect(
    parseReceivedSpf(
      renderReceivedSpf({
        ...plain,
        address: '2001:db8::1',
        result: 'permerror',
        problem: 'two "records"',
      }),
    )?.pairs,
  ).toEqual(
    new Map([
      ['client-ip', '2001:db8::1'],
      ['receiver', 'mybox.example.org'],
      ['identity', 'mailfrom'],
      ['envelope-from', 'myname@example.com'],
      ['helo', 'foo.example.com'],
      ['mechanism', 'ip4:192.0.2.0/24'],
      ['problem', 'two "records"'],
    ]),
  );
});

test('a domain of any length leaves room for the keys of Received-SPF', () => {
  const value = renderReceivedSpf({ ...plain, domain: `${'x'.repeat(1000)}.example` });
  expect(parseReceivedSpf(value)?.pairs.get('client-ip')).toBe('192.0.2.1');
  expect(Buffer.byteLength(value)).toBeLessThanOrEqual(900);
});

test('no text of a peer adds or alters a key of Received-SPF', () => {
  const spf = fc.record({
    result: fc.constantFrom(...results),
    identity: fc.constantFrom('mailfrom', 'helo'),
    domain: hostile,
    envelopeFrom: hostile,
    helo: hostile,
    mechanism: hostile,
    problem: hostile,
  });
  for (const each of [
    ...fc.sample(spf, { numRuns: 2000 }),
    // Longer than any name of DNS.
    ...fc.sample(spf, { numRuns: 20 }).map((each) => ({ ...each, domain: 'x'.repeat(2000) })),
  ]) {
    const value = renderReceivedSpf({
      ...each,
      identity: each.identity === 'helo' ? 'helo' : 'mailfrom',
      address: '192.0.2.1',
      hostname: 'mx.test',
    });
    const parsed = parseReceivedSpf(value);
    expect(parsed?.result, value).toBe(each.result);
    expect(parsed?.pairs.get('receiver')).toBe('mx.test');
    expect(parsed?.pairs.get('client-ip')).toBe('192.0.2.1');
    expect(Buffer.byteLength(value)).toBeLessThanOrEqual(900);
    const stored = traceOf([], value);
    expect(stored.split('\r\n').filter((line) => /^received-spf:/i.test(line))).toHaveLength(1);
    // What is stored is ASCII here, since the client did not say SMTPUTF8.
    expect(
      parseReceivedSpf(/^Received-SPF: (.*)\r\nAuthentication-Results/ms.exec(stored)?.[1] ?? '')
        ?.result,
    ).toBe(each.result);
  }
});

test.each([
  ['spf', 'pass', 'PASS'],
  ['spf', 'fail', 'FAIL'],
  ['spf', 'softfail', 'GRAY'],
  ['spf', 'neutral', 'GRAY'],
  ['spf', 'none', 'GRAY'],
  ['spf', 'permerror', 'GRAY'],
  ['spf', 'temperror', 'PROCESSING_FAILED'],
  ['dmarc', 'pass', 'PASS'],
  ['dmarc', 'fail', 'FAIL'],
  ['dmarc', 'none', 'GRAY'],
  ['dmarc', 'permerror', 'FAIL'],
  ['dmarc', 'temperror', 'PROCESSING_FAILED'],
] as const)('%s=%s is the verdict %s', (method, result, verdict) => {
  expect(verdictOf(method, result)).toBe(verdict);
});

test.each([
  [[], 'GRAY'],
  [[{ result: 'pass', alignment: 'aligned' }], 'PASS'],
  [[{ result: 'pass', alignment: 'unaligned' }], 'GRAY'],
  [[{ result: 'pass', alignment: 'unknown' }], 'PROCESSING_FAILED'],
  [[{ result: 'pass', alignment: 'aligned', partial: true }], 'GRAY'],
  [[{ result: 'fail', alignment: 'aligned' }], 'FAIL'],
  [[{ result: 'fail', alignment: 'unaligned' }], 'GRAY'],
  [[{ result: 'fail', alignment: 'aligned', testing: true }], 'GRAY'],
  [[{ result: 'temperror', alignment: 'aligned' }], 'PROCESSING_FAILED'],
  [[{ result: 'temperror', alignment: 'unaligned' }], 'GRAY'],
  [[{ result: 'permerror', alignment: 'aligned' }], 'GRAY'],
  [[{ result: 'policy', alignment: 'aligned' }], 'GRAY'],
  [[{ result: 'neutral', alignment: 'aligned' }], 'GRAY'],
  [
    [
      { result: 'fail', alignment: 'aligned' },
      { result: 'temperror', alignment: 'aligned' },
    ],
    'PROCESSING_FAILED',
  ],
  [
    [
      { result: 'fail', alignment: 'aligned' },
      { result: 'temperror', alignment: 'aligned' },
      { result: 'pass', alignment: 'aligned' },
    ],
    'PASS',
  ],
] as const)('dkimVerdict of %j is %s', (signatures, verdict) => {
  expect(dkimVerdict(signatures)).toBe(verdict);
});
