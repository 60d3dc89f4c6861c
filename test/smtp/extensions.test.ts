// The table of extensions: each parameter that it names is parsed into its own field, and only where offered.
import { expect, test } from 'vitest';
import type { MailParameters, RcptParameters } from '../../src/smtp/index.ts';
import {
  ehloLines,
  extensions,
  parseMailParameters,
  parseRcptParameters,
} from '../../src/smtp/extensions.ts';
import { readParameters } from '../../src/smtp/grammar/esmtp-parameter.ts';
import type { SessionContext } from '../../src/smtp/session-context.ts';
import { newSession, usualOptions } from '../support/session.ts';
import { TLS } from '../support/transcript.ts';

/** A session that is offered everything. */
const everything: SessionContext = {
  options: {
    ...usualOptions,
    auth: 'optional',
    tls: 'starttls',
    chunking: true,
    dsn: true,
    requireTlsExtension: true,
    limits: true,
    mtPriority: true,
    deliverBy: { minSeconds: 60 },
    futureRelease: { maxSeconds: 86_400, maxDateTime: '2030-01-01T00:00:00Z' },
  },
  facts: { ...newSession().facts, tls: TLS },
  channelBinding: undefined,
  isXclientTrusted: true,
};

/** A session that is offered as little as possible. */
const nothing: SessionContext = {
  options: { ...usualOptions, smtpUtf8: false },
  facts: newSession().facts,
  channelBinding: undefined,
  isXclientTrusted: false,
};

// Typed by field: a field of the parameters that lacks its row does not compile.
const mailSamples: { [Field in keyof Required<MailParameters>]: [string, MailParameters[Field]] } =
  {
    size: ['SIZE=9', 9],
    body: ['BODY=8bitmime', '8BITMIME'],
    smtpUtf8: ['SMTPUTF8', true],
    ret: ['RET=hdrs', 'HDRS'],
    envid: ['ENVID=e+3D', 'e='],
    auth: ['AUTH=<>', null],
    requireTls: ['REQUIRETLS', true],
    mtPriority: ['MT-PRIORITY=-3', -3],
    deliverBy: ['BY=120;NT', { seconds: 120, mode: 'N', trace: true }],
    holdForSeconds: ['HOLDFOR=60', 60],
    holdUntil: ['HOLDUNTIL=2029-12-31T23:59:59Z', '2029-12-31T23:59:59Z'],
  };
const rcptSamples: { [Field in keyof Required<RcptParameters>]: [string, RcptParameters[Field]] } =
  {
    notify: ['NOTIFY=DELAY,FAILURE', ['DELAY', 'FAILURE']],
    orcpt: ['ORCPT=rfc822;a+40b', { addressType: 'rfc822', address: 'a@b' }],
  };

const read = (text: string) => readParameters(` ${text}`, 0, 'strict') ?? [];
const keywordIn = (text: string): string => text.split('=')[0] ?? '';

test('the samples are all the parameters that the extensions have', () => {
  const keywords = (of: 'mail' | 'rcpt') => extensions.flatMap((each) => Object.keys(each[of]));
  const sampled = (samples: object) =>
    Object.values<readonly [string, unknown]>({ ...samples }).map(([text]) => keywordIn(text));
  expect(keywords('mail')).toEqual(sampled(mailSamples));
  expect(keywords('rcpt')).toEqual(sampled(rcptSamples));
});

test.each(Object.entries(mailSamples))(
  'a parameter of MAIL is stored as %s and nothing else',
  (field, [text, value]) => {
    const expected = { ok: true, value: { [field]: value } };
    expect(parseMailParameters(read(text), everything)).toEqual(expected);
  },
);

test.each(Object.entries(rcptSamples))(
  'a parameter of RCPT is stored as %s and nothing else',
  (field, [text, value]) => {
    const expected = { ok: true, value: { [field]: value } };
    expect(parseRcptParameters(read(text), everything, {})).toEqual(expected);
  },
);

test.each(extensions.map((each) => [each.keyword, each] as const))(
  'the parameters of %s are taken exactly where it is offered',
  (_, { isOffered, mail, rcpt }) => {
    const texts = [...Object.values(mailSamples), ...Object.values(rcptSamples)].map(
      ([text]) => text,
    );
    for (const context of [everything, nothing]) {
      for (const text of texts) {
        const parsed =
          keywordIn(text) in mail
            ? parseMailParameters(read(text), context)
            : keywordIn(text) in rcpt
              ? parseRcptParameters(read(text), context, {})
              : undefined;
        const expected = isOffered(context)
          ? { ok: true }
          : { ok: false, rule: 'unknown-parameter' };
        if (parsed !== undefined) expect(parsed, text).toMatchObject(expected);
      }
    }
  },
);

test('a keyword that no extension has is refused, also where everything is offered', () => {
  for (const text of ['XFOO=2029-12-31T23:59:59Z', 'STARTTLS', 'CHUNKING=1', 'SIZE=1 XFOO']) {
    const refused = { ok: false, rule: 'unknown-parameter' };
    expect(parseMailParameters(read(text), everything)).toEqual(refused);
  }
  expect(parseRcptParameters(read('SIZE=1'), everything, {})).toEqual({
    ok: false,
    rule: 'unknown-parameter',
  });
});

test('EHLO names each extension once, where it is offered', () => {
  const keywords = (context: SessionContext) =>
    ehloLines(context, context.options.hostname)
      .slice(1)
      .map((line) => line.split(' ')[0]);
  expect(keywords(everything)).toEqual(
    extensions.filter(({ isOffered }) => isOffered(everything)).map(({ keyword }) => keyword),
  );
  expect(keywords(nothing)).toEqual(['PIPELINING', 'SIZE', '8BITMIME', 'ENHANCEDSTATUSCODES']);
  expect(new Set(extensions.map(({ keyword }) => keyword)).size).toBe(extensions.length);
});
