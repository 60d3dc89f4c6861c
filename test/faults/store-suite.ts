// Every row of src/bridge/FAILURES.md that S3 has a part in, with the fault injected for real. Run against both ways to
// send, each in its own file, since most of the time is waiting.
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createRoutes } from '../../src/policy/routes.ts';
import { facts, listKeys } from '../bridge/support.ts';
import {
  announced,
  expectAnnounced,
  type FaultBench,
  startFaultBench,
} from './bridge-under-faults.ts';
import type { Fault } from './fault-proxy.ts';

const MAIL = 'From: a@b.example\r\nTo: c@d.example\r\n\r\nHello.\r\n';
const ALWAYS = 1000;
const hastyFor = ({ kind }: Fault) => (kind === 'hang' ? ({ hasty: 's3' } as const) : {});

export function storeSuite(requests: 'signed' | 'sdk'): void {
  let bench: FaultBench;
  beforeAll(async () => {
    bench = await startFaultBench();
  });
  afterEach(() => bench.clear());
  afterAll(() => bench[Symbol.asyncDispose]());

  test.each<[string, Fault, number]>([
    ['503 SlowDown', { kind: 'refuse', status: 503, code: 'SlowDown' }, 1],
    ['500 InternalError', { kind: 'refuse', status: 500, code: 'InternalError' }, 1],
    ['no answer in time', { kind: 'hang' }, 1],
    ['a late answer', { kind: 'delay', millis: 200 }, 1],
    ['a reset before it was carried out', { kind: 'reset-before' }, 1],
    ['a reset after it was carried out', { kind: 'reset-after' }, 1],
    [
      '500 after it was carried out',
      { kind: 'refuse-after', status: 500, code: 'InternalError' },
      1,
    ],
    ['an answer that is cut off', { kind: 'truncate' }, 1],
    [
      '409 for a conflicting write',
      { kind: 'refuse', status: 409, code: 'ConditionalRequestConflict' },
      2,
    ],
    ['octets changed on their way', { kind: 'corrupt' }, 1],
    ['400 BadDigest', { kind: 'refuse', status: 400, code: 'BadDigest' }, 1],
    ['400 RequestTimeout', { kind: 'refuse', status: 400, code: 'RequestTimeout' }, 1],
  ])('%s, once or twice: 250, stored once, announced once', async (_, fault, times) => {
    const bridge = bench.makeBridge({ requests, ...hastyFor(fault) });
    bench.proxy.inject('PutObject', fault, times);
    const of = facts();
    expect(await bridge.deliver(MAIL, of)).toMatchObject({ code: 250 });
    const stored = await bridge.stored();
    expect(stored).toHaveLength(1);
    expect(stored[0]?.body.toString().endsWith(MAIL)).toBe(true);
    await expectAnnounced(bench, [of.messageId]);
    expect(bench.proxy.seen.filter(({ faulted }) => faulted)).toHaveLength(times);
  });

  test.each<[string, Fault, string, string, number]>([
    ['503 SlowDown', { kind: 'refuse', status: 503, code: 'SlowDown' }, '3.0', 'unavailable', 0],
    ['no answer', { kind: 'hang' }, '3.0', 'unavailable', 0],
    ['resets', { kind: 'reset-before' }, '3.0', 'unavailable', 0],
    ['octets changed on their way', { kind: 'corrupt' }, '3.0', 'corrupted', 0],
    ['400 BadDigest', { kind: 'refuse', status: 400, code: 'BadDigest' }, '3.0', 'corrupted', 0],
    [
      '409',
      { kind: 'refuse', status: 409, code: 'ConditionalRequestConflict' },
      '3.0',
      'unavailable',
      0,
    ],
    [
      "412 that is no retry's",
      { kind: 'refuse', status: 412, code: 'PreconditionFailed' },
      '3.0',
      'refused',
      0,
    ],
    [
      '403 AccessDenied',
      { kind: 'refuse', status: 403, code: 'AccessDenied' },
      '3.5',
      'configuration',
      0,
    ],
    [
      '400 KMS.DisabledException',
      { kind: 'refuse', status: 400, code: 'KMS.DisabledException' },
      '3.5',
      'configuration',
      0,
    ],
    [
      '404 NoSuchBucket',
      { kind: 'refuse', status: 404, code: 'NoSuchBucket' },
      '3.5',
      'configuration',
      0,
    ],
    [
      '400 ExpiredToken',
      { kind: 'refuse', status: 400, code: 'ExpiredToken' },
      '3.5',
      'configuration',
      0,
    ],
    [
      '403 RequestTimeTooSkewed',
      { kind: 'refuse', status: 403, code: 'RequestTimeTooSkewed' },
      '3.5',
      'configuration',
      0,
    ],
    [
      '403 InvalidAccessKeyId',
      { kind: 'refuse', status: 403, code: 'InvalidAccessKeyId' },
      '3.5',
      'configuration',
      0,
    ],
    [
      '403 SignatureDoesNotMatch',
      { kind: 'refuse', status: 403, code: 'SignatureDoesNotMatch' },
      '3.5',
      'configuration',
      0,
    ],
  ])('$0, always: 451 4.$2', async (_, fault, status, cause, stored) => {
    const bridge = bench.makeBridge({ requests, ...hastyFor(fault) });
    bench.proxy.inject('PutObject', fault, ALWAYS);
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 451, status });
    expect(await bridge.stored()).toHaveLength(stored);
    expect(await announced(bench.aws)).toEqual([]);
    expect(bench.events.filter(({ kind }) => kind === 'message-deferred')).toMatchObject([
      { cause },
    ]);
    const told = bench.events.filter(({ kind }) => kind === 'aws-misconfigured');
    expect(told).toHaveLength(cause === 'configuration' ? 1 : 0);
  });

  test('no answer within the budget: 451, no new try after it', async () => {
    const bridge = bench.makeBridge({ requests, limits: { commitSeconds: 0.3 } });
    bench.proxy.inject('PutObject', { kind: 'hang' }, ALWAYS);
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 451, status: '3.0' });
    expect(bench.proxy.count('PutObject')).toBe(1);
    expect(bridge.inFlight).toBe(0);
  });

  test('no answer to a large mail: 451 within the budget, which no retry prolongs', async () => {
    const bridge = bench.makeBridge({ requests, hasty: 's3', limits: { commitSeconds: 1.5 } });
    bench.proxy.inject('PutObject', { kind: 'hang' }, ALWAYS);
    const large = `${MAIL}${'a line of thirty-two octets...\r\n'.repeat(180_000)}`;
    expect(await bridge.deliver(large)).toMatchObject({ code: 451, status: '3.0' });
    // Of the five tries that the fast path and the SDK would make.
    expect(bench.proxy.count('PutObject')).toBeLessThanOrEqual(3);
    expect(bridge.inFlight).toBe(0);
  });

  test('every answer lost: 451, an orphan at most, nothing announced', async () => {
    const bridge = bench.makeBridge({ requests });
    bench.proxy.inject('PutObject', { kind: 'reset-after' }, ALWAYS);
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 451, status: '3.0' });
    expect((await bridge.stored()).length).toBeLessThanOrEqual(1);
    expect(await announced(bench.aws)).toEqual([]);
  });

  test('a sidecar that cannot be written: 451, and the mail itself is not stored', async () => {
    const bridge = bench.makeBridge({ requests });
    const isSidecar = ({ key }: { key: string }) => key.endsWith('.envelope.json');
    bench.proxy.inject(
      'PutObject',
      { kind: 'refuse', status: 403, code: 'AccessDenied' },
      ALWAYS,
      isSidecar,
    );
    const to = Array.from({ length: 100 }, (_, n) => `recipient-${n}@in.example`);
    expect(await bridge.deliver(MAIL, facts({ to }))).toMatchObject({ code: 451, status: '3.5' });
    expect(await bridge.stored()).toEqual([]);
  });

  test('of several prefixes one cannot be written for good: 451, and none is announced', async () => {
    const routes = createRoutes(
      [{ recipients: ['*@a.example'], prefix: 'denied/' }, { recipients: ['*'] }],
      'mx.in.example',
    );
    const bridge = bench.makeBridge({ requests, routes });
    const fault: Fault = { kind: 'refuse', status: 403, code: 'AccessDenied' };
    bench.proxy.inject('PutObject', fault, ALWAYS, ({ key }) => key.startsWith('denied/'));
    const of = facts({ to: ['x@a.example', 'y@b.example'] });
    expect(await bridge.deliver(MAIL, of)).toMatchObject({ code: 451, status: '3.5' });
    expect(await listKeys(bench.aws, 'denied/')).toEqual([]);
    expect(bench.events.filter(({ kind }) => kind === 'message-accepted')).toEqual([]);
    expect(bench.events.find(({ kind }) => kind === 'message-deferred')).toMatchObject({
      orphans: 1,
    });
    expect(await bridge.stored()).toHaveLength(1);
    expect(bench.proxy.count('Publish') + bench.proxy.count('PublishBatch')).toBe(0);
    expect(await announced(bench.aws, 1)).toEqual([]);
  });

  describe('a mail in parts', () => {
    const large = Buffer.concat([Buffer.from(MAIL), Buffer.alloc(11 * 1024 * 1024, 'abcdefg\r\n')]);

    /** S3 has no unfinished upload: a part for it would be refused. */
    async function unfinishedUploads(): Promise<number> {
      const begun = bench.proxy.count('CreateMultipartUpload');
      const ended = bench.proxy.count('AbortMultipartUpload');
      return begun - ended;
    }

    test.each<[string, 'UploadPart' | 'CompleteMultipartUpload', Fault]>([
      ['503 for a part', 'UploadPart', { kind: 'refuse', status: 503, code: 'SlowDown' }],
      ['a reset of a part', 'UploadPart', { kind: 'reset-before' }],
      ['a lost answer to a part', 'UploadPart', { kind: 'reset-after' }],
      ['a part changed on its way', 'UploadPart', { kind: 'corrupt' }],
      [
        '503 for the completion',
        'CompleteMultipartUpload',
        { kind: 'refuse', status: 503, code: 'SlowDown' },
      ],
      ['a lost answer to the completion', 'CompleteMultipartUpload', { kind: 'reset-after' }],
      [
        '500 after the completion',
        'CompleteMultipartUpload',
        { kind: 'refuse-after', status: 500, code: 'InternalError' },
      ],
      [
        '409 for the completion',
        'CompleteMultipartUpload',
        { kind: 'refuse', status: 409, code: 'ConditionalRequestConflict' },
      ],
    ])(
      'a mail in parts, %s, once: 250, stored once, announced once',
      async (_, operation, fault) => {
        const bridge = bench.makeBridge({ requests });
        bench.proxy.inject(operation, fault);
        const of = facts();
        expect(await bridge.deliver(large, of)).toMatchObject({ code: 250 });
        const [stored, ...others] = await bridge.stored();
        expect(others).toEqual([]);
        expect(stored?.body.subarray(-large.length).equals(large)).toBe(true);
        await expectAnnounced(bench, [of.messageId]);
      },
    );

    test.each<[string, Fault]>([
      ['every answer to the completion is lost', { kind: 'reset-after' }],
      [
        'every answer to the completion is 500',
        { kind: 'refuse-after', status: 500, code: 'InternalError' },
      ],
      [
        'the completion is carried out and called NoSuchUpload',
        { kind: 'refuse-after', status: 404, code: 'NoSuchUpload' },
      ],
    ])(
      'a mail in parts, %s: the listing shows the object, hence 250, stored once, announced once',
      async (_, fault) => {
        const bridge = bench.makeBridge({ requests });
        bench.proxy.inject('CompleteMultipartUpload', fault, ALWAYS);
        const of = facts();
        expect(await bridge.deliver(large, of)).toMatchObject({ code: 250 });
        const [stored, ...others] = await bridge.stored();
        expect(others).toEqual([]);
        expect(stored?.body.subarray(-large.length).equals(large)).toBe(true);
        await expectAnnounced(bench, [of.messageId]);
        expect(bench.proxy.count('GetObject')).toBe(0);
      },
    );

    test('a mail in parts, the upload is gone before its completion: 451, nothing stored', async () => {
      const bridge = bench.makeBridge({ requests });
      const gone: Fault = { kind: 'refuse', status: 404, code: 'NoSuchUpload' };
      bench.proxy.inject('CompleteMultipartUpload', gone, ALWAYS);
      expect(await bridge.deliver(large)).toMatchObject({ code: 451 });
      expect(await bridge.stored()).toEqual([]);
      expect(await announced(bench.aws)).toEqual([]);
    });

    test.each<
      [
        string,
        'CreateMultipartUpload' | 'UploadPart' | 'CompleteMultipartUpload',
        number,
        Fault,
        string,
      ]
    >([
      [
        'the beginning',
        'CreateMultipartUpload',
        0,
        { kind: 'refuse', status: 403, code: 'AccessDenied' },
        '3.5',
      ],
      [
        'the second part, while the data still comes',
        'UploadPart',
        2,
        { kind: 'refuse', status: 403, code: 'AccessDenied' },
        '3.5',
      ],
      [
        'the first part, which goes up last',
        'UploadPart',
        1,
        { kind: 'refuse', status: 503, code: 'SlowDown' },
        '3.0',
      ],
      [
        'the completion',
        'CompleteMultipartUpload',
        0,
        { kind: 'refuse', status: 503, code: 'SlowDown' },
        '3.0',
      ],
    ])(
      'a mail in parts, %s fails for good: 451, nothing stored, no upload left',
      async (_, operation, part, fault, status) => {
        const bridge = bench.makeBridge({ requests });
        let uploads = 0;
        bench.proxy.inject(operation, fault, ALWAYS, (seen) => {
          uploads += 1;
          return part === 0 || isPart(seen.body, part, large);
        });
        expect(await bridge.deliver(large)).toMatchObject({ code: 451, status });
        await bridge.idle();
        expect(uploads).toBeGreaterThan(0);
        expect(await bridge.stored()).toEqual([]);
        expect(await announced(bench.aws)).toEqual([]);
        if (operation !== 'CreateMultipartUpload') expect(await unfinishedUploads()).toBe(0);
      },
    );

    test.each<[string, Fault, string]>([
      ['403', { kind: 'refuse', status: 403, code: 'AccessDenied' }, '3.5'],
      ['503', { kind: 'refuse', status: 503, code: 'SlowDown' }, '3.0'],
    ])(
      'a mail in parts, %s for the beginning of a mail of two parts: 451, and the log hears why',
      async (_, fault, status) => {
        const bridge = bench.makeBridge({ requests });
        bench.proxy.inject('CreateMultipartUpload', fault, ALWAYS);
        const two = large.subarray(0, 9 * 1024 * 1024);
        expect(await bridge.deliver(two)).toMatchObject({ code: 451, status });
        expect(bench.events.filter(({ kind }) => kind === 'message-deferred')).toHaveLength(1);
        await bridge.idle();
        expect(await bridge.stored()).toEqual([]);
        expect(bridge.memoryInUse).toBe(0);
      },
    );

    test('a mail in parts, the client vanishes: nothing is stored and no upload is left', async () => {
      const bridge = bench.makeBridge({ requests });
      const begun = bench.proxy.arrival('UploadPart');
      const opened = await bridge.open(facts(), () => undefined);
      if (opened.kind === 'refuse') throw new Error('refused');
      const { writer } = opened;
      for (let at = 0; at < large.length; at += 65_536) {
        if (!writer.write(large.subarray(at, at + 65_536))) break;
      }
      await begun;
      writer.discard('aborted');
      await bridge.idle();
      expect(await bridge.stored()).toEqual([]);
      expect(await unfinishedUploads()).toBe(0);
    });
  });

  test('without a region: 451 4.3.5, and the operator hears that it is missing', async () => {
    const { aws, proxy } = bench;
    const s3 = new S3Client({
      region: async () => {
        throw new Error('Region is missing');
      },
      endpoint: proxy.endpoint,
      credentials: aws.credentials,
      forcePathStyle: true,
    });
    const bridge = bench.makeBridge({ s3, requests });
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 451, status: '3.5' });
    expect(bench.events).toContainEqual(
      expect.objectContaining({
        kind: 'aws-misconfigured',
        failure: expect.objectContaining({ code: 'RegionMissing' }) as unknown,
      }),
    );
  });

  test('without credentials: 451 4.3.5, and the operator hears it', async () => {
    const { aws, proxy } = bench;
    const s3 = new S3Client({
      region: aws.region,
      endpoint: proxy.endpoint,
      credentials: async () => {
        throw Object.assign(new Error('Could not load credentials from any providers'), {
          name: 'CredentialsProviderError',
        });
      },
      forcePathStyle: true,
    });
    const bridge = bench.makeBridge({ s3, requests });
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 451, status: '3.5' });
    expect(bench.events.filter(({ kind }) => kind === 'aws-misconfigured')).toHaveLength(1);
  });
}

/** Parts are of 5 MiB of the content; the first has the trace headers in front. */
function isPart(body: Buffer, part: number, content: Buffer): boolean {
  const start = content.subarray((part - 1) * 5 * 1024 * 1024).subarray(0, 40);
  if (part > 1)
    return body.subarray(0, 40).equals(start) && !body.subarray(0, 60).includes('Return-Path');
  return body.subarray(0, 60).includes('Return-Path');
}
