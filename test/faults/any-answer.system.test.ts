// For any answer at all, 250 implies that the object is there byte for byte, and that the notification is with SNS or in
// the outbox. The real bridge talks to a server that answers anything, carries requests out or not, and changes what the
// embedded AWS answers. It tells every lie but those that nobody can see through: it never makes up what only the success
// of the very request carries.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBridgeClients, listOutbox } from '../../src/bridge/index.ts';
import type { Notification } from '../../src/bridge/notify/notification.ts';
import { facts, readObject } from '../bridge/support.ts';
import { PROVING_NOTHING } from './answers.ts';
import { announced, type FaultBench, startFaultBench } from './bridge-under-faults.ts';
import type { Answer, Seen } from './fault-proxy.ts';

const MAILS = 12;

let bench: FaultBench;
beforeAll(async () => {
  bench = await startFaultBench();
});
afterAll(() => bench[Symbol.asyncDispose]());

/** What happens to one request. */
interface Move {
  readonly carriesOut: boolean;
  readonly answer: (own: Answer | undefined) => Answer;
}

const status = fc.constantFrom(
  200,
  200,
  200,
  201,
  202,
  204,
  206,
  207,
  226,
  300,
  301,
  302,
  304,
  307,
  400,
  401,
  403,
  404,
  407,
  408,
  409,
  411,
  412,
  413,
  421,
  425,
  429,
  431,
  451,
  499,
  500,
  501,
  502,
  503,
  504,
  505,
  511,
  520,
  599,
);
const etag = fc.option(
  fc.constantFrom('"x"', 'W/"1"', '"d41d8cd98f00b204e9800998ecf8427e"', '', '*'),
  { nil: undefined },
);
const checksum = fc.option(
  fc.constantFrom('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', '', 'x', 'null'),
  { nil: undefined },
);
const type = fc.constantFrom('text/html', 'application/xml', 'text/xml', 'application/json', '');
/** Codes that AWS has; 412 with the code of S3 is S3's word that the object is there, so it is not among them. */
const code = fc.constantFrom(
  'InternalError',
  'SlowDown',
  'Throttling',
  'AccessDenied',
  'InvalidParameter',
  'NotFound',
  'BadDigest',
  'ConditionalRequestConflict',
  'NoSuchBucket',
  'RequestTimeout',
  'ValidationError',
);
const body = fc.oneof(
  fc.constantFrom(
    '',
    '{}',
    '[]',
    'OK',
    '<html><body>Hello.</body></html>',
    '<PublishResponse></PublishResponse>',
    '<PublishResponse><PublishResult></PublishResult></PublishResponse>',
    '<PublishResponse><PublishResult><MessageId></MessageId></PublishResult></PublishResponse>',
    '<html><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse></html>',
    '<PublishBatchResponse><PublishBatchResult><Successful/><Failed/></PublishBatchResult></PublishBatchResponse>',
    '<PublishBatchResponse><PublishBatchResult><Successful><member><Id>0</Id><MessageId>1</MessageId></member><member><Id>1</Id><MessageId>2</MessageId></member></Successful></PublishBatchResult></PublishBatchResponse>',
    '<ListBucketResult><Name>x</Name><KeyCount>0</KeyCount></ListBucketResult>',
  ),
  code.map((each) => `<Error><Code>${each}</Code><Message>m</Message></Error>`),
  code.map((each) => `<ErrorResponse><Error><Code>${each}</Code></Error></ErrorResponse>`),
  fc.string({ unit: 'binary', maxLength: 200 }),
);

const made: fc.Arbitrary<Answer> = fc
  .record({ status, etag, checksum, type, body })
  .map(({ status: of, etag: tag, checksum: sum, type: media, body: text }) => {
    const octets = Buffer.from(of === 204 || of === 304 ? '' : text);
    return {
      status: of,
      headers: {
        ...(tag !== undefined && { etag: tag }),
        ...(sum !== undefined && { 'x-amz-checksum-sha256': sum }),
        ...(media !== '' && { 'content-type': media }),
        'content-length': String(octets.length),
      },
      body: octets,
    };
  });

/** The service's own answer, with other parts. */
const changed: fc.Arbitrary<(own: Answer) => Answer> = fc
  .record({
    status: fc.option(status, { nil: undefined }),
    etag: fc.option(etag, { nil: null }),
    checksum: fc.option(checksum, { nil: null }),
    cut: fc.option(fc.nat(400), { nil: undefined }),
  })
  .map((change) => (own) => {
    const headers: Answer['headers'] = { ...own.headers };
    if (change.etag !== null) setField(headers, 'etag', change.etag);
    if (change.checksum !== null) setField(headers, 'x-amz-checksum-sha256', change.checksum);
    const of = change.status ?? own.status;
    const octets = of === 204 || of === 304 ? Buffer.alloc(0) : own.body.subarray(0, change.cut);
    headers['content-length'] = String(octets.length);
    return { status: of, headers, body: octets };
  });

function setField(headers: Answer['headers'], name: string, value: string | undefined): void {
  if (value === undefined) delete headers[name];
  else headers[name] = value;
}

const move: fc.Arbitrary<Move> = fc.oneof(
  made.map((answer) => ({ carriesOut: false, answer: () => answer })),
  fc
    .constantFrom(...PROVING_NOTHING)
    .map(([, answer]) => ({ carriesOut: false, answer: () => answer })),
  made.map((answer) => ({ carriesOut: true, answer: () => answer })),
  changed.map((change) => ({
    carriesOut: true,
    answer: (own: Answer | undefined) => {
      if (own === undefined) throw new Error('it is carried out');
      return change(own);
    },
  })),
);

interface Fate {
  /** For the requests of this mail, in their order; afterwards the last one for ever, or none. */
  readonly moves: readonly Move[];
  readonly endless: boolean;
}

const fate: fc.Arbitrary<Fate> = fc.record({
  moves: fc.array(move, { maxLength: 4 }),
  endless: fc.boolean(),
});

test.each(['signed', 'sdk'] as const)(
  'for any answer at all, with requests: %s, 250 implies the object and its notification or marker',
  async (requests) => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { minLength: MAILS, maxLength: MAILS }), async (fates) => {
        const { aws, proxy } = bench;
        const clients = createBridgeClients({
          region: aws.region,
          endpoint: proxy.endpoint,
          credentials: aws.credentials,
          commitSeconds: 2,
        });
        const bridge = bench.makeBridge({ requests, s3: clients.s3, sns: clients.sns });
        const mails = fates.map((each, n) => {
          const of = facts();
          const { messageId } = of;
          const text = `Subject: ${n}\r\n\r\n${messageId} ${crypto.randomUUID()}\r\n`;
          return { of, text, ...each };
        });
        await bridge.deliver('warm-up\r\n');
        for (const { of, moves, endless } of mails) {
          // A batch belongs to the first mail in it.
          // Reading a marker back belongs to the flush of the outbox.
          const isOf = ({ key, body: octets, operation }: Seen): boolean =>
            operation !== 'GetObject' &&
            `${key} ${octets.toString('latin1')}`.includes(of.messageId);
          moves.forEach((each, at) => {
            const times = endless && at === moves.length - 1 ? 1000 : 1;
            proxy.inject('any', { kind: 'answer', ...each }, times, isOf);
          });
        }
        const replies = await Promise.all(mails.map(({ of, text }) => bridge.deliver(text, of)));
        proxy.repair();
        await bridge.close();
        const notified = new Set<string>();
        for (const { mail } of await announced(aws, 1)) notified.add(mail.messageId);
        const { s3, resources } = aws;
        for await (const { messageId, key } of listOutbox({ s3, bucket: resources.bucket })) {
          const { body: marker } = await readObject(s3, resources.bucket, key);
          const { notification } = JSON.parse(marker.toString()) as {
            notification: Notification;
          };
          if (notification.message.includes(messageId)) notified.add(messageId);
        }
        const stored = new Map(
          (await bridge.stored()).map(({ key, body: octets }) => [key.slice(-40), octets]),
        );
        const broken = mails.filter(({ of: { messageId }, text }, n) => {
          if (replies[n]?.code !== 250) return false;
          accepted += 1;
          const isStored = stored.get(messageId)?.toString().endsWith(text) === true;
          return !isStored || !notified.has(messageId);
        });
        await bench.clear();
        clients[Symbol.dispose]();
        expect(broken.map(({ moves }) => moves)).toEqual([]);
        for (const reply of replies) expect([250, 451]).toContain(reply.code);
      }),
      { numRuns: 12, endOnFailure: true },
    );
    expect(accepted).toBeGreaterThan(20);
  },
  180_000,
);
