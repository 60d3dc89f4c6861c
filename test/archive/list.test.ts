import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { listMail, type Place, type Selection, selectMail } from '../../src/archive/index.ts';
import { mapInOrder } from '../../src/archive/in-order.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { collect, storeMails } from './support.ts';

let aws: TestAws;
let place: Place;
let keys: string[];
/** Of every listing that S3 answered: what was asked, and the keys in the answer. */
const listings: { prefix: string; keys: string[] }[] = [];

beforeAll(async () => {
  aws = await startTestAws();
  place = { s3: aws.s3, bucket: aws.resources.bucket };
  keys = await storeMails(aws, [
    { at: '2026-11-21T23:59:59.999Z', from: 'x@one.example', to: ['a@in.example'] },
    { at: '2026-11-23T12:59:59.999Z', from: null, to: ['b@in.example', 'c@other.example'] },
    { at: '2026-11-23T13:00:00.000Z', from: 'y@one.example', content: 'a'.repeat(5000) },
    { at: '2026-11-23T13:30:00.000Z', from: 'Z@Two.example' },
    { at: '2026-11-23T14:00:00.000Z' },
    { at: '2026-11-24T00:00:00.000Z' },
    { at: '2026-11-23T13:15:00.000Z', prefix: 'in/', to: ['d@in.example'] },
  ]);
  const beside = [`${keys[2]}.envelope.json`, 'mail/dt=2026-11-23/hr=13/readme.txt', 'mail/other'];
  for (const Key of beside) {
    await aws.s3.send(new PutObjectCommand({ Bucket: place.bucket, Key, Body: '{}' }));
  }
  aws.s3.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { Prefix } = args.input as { Prefix?: string };
      const { Contents, CommonPrefixes } = result.output as {
        Contents?: { Key: string }[];
        CommonPrefixes?: unknown[];
      };
      if (Contents !== undefined || CommonPrefixes !== undefined) {
        listings.push({ prefix: Prefix ?? '', keys: (Contents ?? []).map(({ Key }) => Key) });
      }
      return result;
    },
    { step: 'initialize' },
  );
});
afterAll(() => aws.close());
beforeEach(() => {
  listings.length = 0;
});

const time = (text: string) => new Date(`2026-11-${text}`);

test('lists every mail of a prefix in the order of time, and nothing else', async () => {
  const mails = await collect(listMail(place, { prefix: 'mail/' }));
  expect(mails.map(({ key }) => key)).toEqual(keys.slice(0, 6));
});

test('one hour reads only that hour’s keys', async () => {
  const range = { prefix: 'mail/', from: time('23T13:00Z'), to: time('23T14:00Z') };
  const mails = await collect(listMail(place, range));
  expect(mails.map(({ key }) => key)).toEqual([keys[2], keys[3]]);
  const read = listings.flatMap((listing) => listing.keys);
  expect(read.filter((key) => !key.startsWith('mail/dt=2026-11-23/hr=13/'))).toEqual([]);
});

test.each([
  ['from the middle of an hour', { from: time('23T13:10Z'), to: time('23T14:00Z') }, [3]],
  ['without the end', { from: time('23T13:00Z'), to: time('23T13:30Z') }, [2]],
  ['over midnight', { from: time('21T23:00Z'), to: time('24T00:00Z') }, [0, 1, 2, 3, 4]],
  ['with no end', { from: time('23T14:00Z') }, [4, 5]],
  ['with no beginning', { to: time('22T00:00Z') }, [0]],
  ['a day without mail', { from: time('22T00:00Z'), to: time('23T00:00Z') }, []],
])('a range %s', async (_, range, expected) => {
  const mails = await collect(listMail(place, { prefix: 'mail/', ...range }));
  expect(mails.map(({ key }) => keys.indexOf(key))).toEqual(expected);
});

test('goes on behind any key, without a gap and without a repetition', async () => {
  for (const [at, after] of keys.slice(0, 6).entries()) {
    const mails = await collect(listMail(place, { prefix: 'mail/', after }));
    expect(mails.map(({ key }) => key)).toEqual(keys.slice(at + 1, 6));
  }
});

test.each<[string, Partial<Selection>, number[]]>([
  ['an address, whatever its case', { sender: 'z@two.example' }, [3]],
  ['a domain', { sender: '@one.example' }, [0, 2]],
  ['the null reverse-path', { sender: '<>' }, [1]],
  ['the domain of any recipient', { recipientDomain: 'OTHER.example' }, [1]],
  ['no subdomain of it', { recipientDomain: 'example' }, []],
  ['size', { minSize: 5000 }, [2]],
  ['small size', { maxSize: 4999 }, [0, 1, 3, 4, 5, 6]],
  ['a verdict', { verdicts: { dmarc: 'GRAY', spf: 'GRAY' }, sender: '<>' }, [1]],
  ['another verdict', { verdicts: { dmarc: 'FAIL' } }, []],
])('selects by %s', async (_, criteria, expected) => {
  const selection = { prefixes: ['mail/', 'in/'], ...criteria };
  const mails = await collect(selectMail(place, selection));
  expect(mails.map(({ key }) => keys.indexOf(key))).toEqual(expected);
});

test('a mail that cannot be judged is reported', async () => {
  const key = `alien/dt=2026-11-23/hr=13/${'0'.repeat(40)}`;
  await aws.s3.send(new PutObjectCommand({ Bucket: place.bucket, Key: key, Body: 'x' }));
  const mails = await collect(selectMail(place, { prefixes: ['alien/'], sender: '<>' }));
  expect(mails).toMatchObject([{ key, unreadable: { fault: 'foreign', key } }]);
});

test('goes on behind a place in the second prefix', async () => {
  const selection = { prefixes: ['in/', 'mail/'] };
  const after = { prefix: 'mail/', key: keys[3] ?? '' };
  const mails = await collect(selectMail(place, selection, { after }));
  expect(mails.map(({ key }) => keys.indexOf(key))).toEqual([4, 5]);
});

test('a reader that stops early leaves the rest unread', async () => {
  await aws.s3.send(new ListObjectsV2Command({ Bucket: place.bucket, Prefix: 'none' }));
  listings.length = 0;
  for await (const mail of listMail(place, { prefix: 'mail/' })) {
    expect(mail.key).toBe(keys[0]);
    break;
  }
  expect(listings.flatMap((listing) => listing.keys)).toEqual([keys[0]]);
});

test('mapInOrder keeps the order, the bound, and gives what came before a failure', async () => {
  let running = 0;
  let most = 0;
  const gates = Array.from({ length: 8 }, () => Promise.withResolvers<void>());
  async function* inputs() {
    yield* gates.keys();
  }
  const results: number[] = [];
  const work = (async () => {
    for await (const result of mapInOrder(inputs(), 3, async (input) => {
      running += 1;
      most = Math.max(most, running);
      await gates[input]?.promise;
      running -= 1;
      if (input === 5) throw new Error('fifth');
      return input;
    })) {
      results.push(result);
    }
  })();
  while (running < 3) await new Promise(setImmediate);
  for (const gate of gates.toReversed()) gate.resolve();
  await expect(work).rejects.toThrow('fifth');
  expect(results).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(3);
  expect(running).toBe(0);
});

test('mapInOrder gives a result as soon as it is there, also while an input is awaited', async () => {
  const gate = Promise.withResolvers<void>();
  async function* inputs() {
    yield 1;
    await gate.promise;
    yield 2;
  }
  const results: number[] = [];
  for await (const result of mapInOrder(inputs(), 3, async (input) => input)) {
    results.push(result);
    // The second input comes only after the first result.
    gate.resolve();
  }
  expect(results).toEqual([1, 2]);
});

test('mapInOrder gives what came before inputs that fail', async () => {
  async function* inputs() {
    yield 1;
    yield 2;
    throw new Error('no more');
  }
  const results: number[] = [];
  const work = (async () => {
    for await (const result of mapInOrder(inputs(), 5, async (input) => {
      await new Promise(setImmediate);
      return input;
    })) {
      results.push(result);
    }
  })();
  await expect(work).rejects.toThrow('no more');
  expect(results).toEqual([1, 2]);
});
