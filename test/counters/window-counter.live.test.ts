// One suite for both ways of counting.
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SharedCounter } from '../../src/counters/shared-counter.ts';
import { MemoryCounter, type WindowCounter } from '../../src/counters/window-counter.ts';
import { TableAnswerError } from '../../src/counters/table-answers.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { type Fault, startFaultyTable } from '../credentials/faulty-table.ts';
import { TestClock } from '../credentials/support.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

/** Windows of 100 s begin at the clock's start. */
const WINDOW = 100;

const counters: [string, (clock: TestClock) => WindowCounter][] = [
  ['in this process', (clock) => new MemoryCounter(clock, 100)],
  ['shared by the fleet', (clock) => new SharedCounter(aws.dynamoDb, aws.resources.table, clock)],
];

let keys = 0;
const newKey = (): string => `key-${keys++}`;

describe.each(counters)('counting %s', (how, make) => {
  test(`counting ${how}: a key that was never counted has 0`, async () => {
    expect(await make(new TestClock()).read(newKey(), WINDOW)).toBe(0);
  });

  test(`counting ${how}: add gives the new count, and read the same`, async () => {
    const [counter, key] = [make(new TestClock()), newKey()];
    expect(await counter.add(key, WINDOW, 1)).toBe(1);
    expect(await counter.add(key, WINDOW, 5)).toBe(6);
    expect(await counter.read(key, WINDOW)).toBe(6);
  });

  test(`counting ${how}: what was counted decays through the next window`, async () => {
    const clock = new TestClock();
    const [counter, key] = [make(clock), newKey()];
    await counter.add(key, WINDOW, 8);
    clock.pass(100);
    expect(await counter.read(key, WINDOW)).toBeCloseTo(8);
    clock.pass(50);
    expect(await counter.read(key, WINDOW)).toBeCloseTo(4);
    expect(await counter.add(key, WINDOW, 1)).toBeCloseTo(5);
    clock.pass(25);
    expect(await counter.read(key, WINDOW)).toBeCloseTo(3);
    clock.pass(200);
    expect(await counter.read(key, WINDOW)).toBe(0);
  });

  test(`counting ${how}: addWithin adds up to the limit and not beyond`, async () => {
    const [counter, key] = [make(new TestClock()), newKey()];
    expect(await counter.addWithin(key, WINDOW, 3, 5)).toBe(true);
    expect(await counter.addWithin(key, WINDOW, 3, 5)).toBe(false);
    expect(await counter.addWithin(key, WINDOW, 2, 5)).toBe(true);
    expect(await counter.addWithin(key, WINDOW, 1, 5)).toBe(false);
    expect(await counter.read(key, WINDOW)).toBe(5);
  });

  test(`counting ${how}: addWithin minds the window before`, async () => {
    const clock = new TestClock();
    const [counter, key] = [make(clock), newKey()];
    await counter.add(key, WINDOW, 10);
    clock.pass(150);
    expect(await counter.addWithin(key, WINDOW, 6, 10)).toBe(false);
    expect(await counter.addWithin(key, WINDOW, 5, 10)).toBe(true);
  });

  test(`counting ${how}: of many at once exactly as many fit as may`, async () => {
    const [counter, key] = [make(new TestClock()), newKey()];
    const fitted = await Promise.all(
      Array.from({ length: 30 }, async () => counter.addWithin(key, WINDOW, 1, 12)),
    );
    expect(fitted.filter(Boolean)).toHaveLength(12);
  });
});

test('two tasks of a fleet share one count', async () => {
  const clock = new TestClock();
  const key = newKey();
  const [one, other] = [0, 1].map(
    () => new SharedCounter(aws.dynamoDb, aws.resources.table, clock),
  );
  await Promise.all(
    Array.from({ length: 10 }, async (_, n) => (n % 2 ? one : other)?.add(key, WINDOW, 1)),
  );
  expect(await one?.read(key, WINDOW)).toBe(10);
});

test.each<Fault>(['page', 'refusing-page', 'empty', 'other-table', 'other-row'])(
  'where something answers "%s", the fleet has no count',
  async (fault) => {
    await using table = await startFaultyTable(aws);
    const counter = new SharedCounter(table.client, aws.resources.table, new TestClock());
    table.fault = fault;
    const key = newKey();
    await expect(counter.add(key, WINDOW, 1)).rejects.toThrow(TableAnswerError);
    await expect(counter.addWithin(key, WINDOW, 1, 10)).rejects.toThrow(TableAnswerError);
    await expect(counter.read(key, WINDOW)).rejects.toThrow(TableAnswerError);
    table.fault = 'none';
    expect(await counter.add(key, WINDOW, 1)).toBe(1);
  },
);

test('a row of the fleet expires once no window needs it', async () => {
  const clock = new TestClock();
  const key = newKey();
  await new SharedCounter(aws.dynamoDb, aws.resources.table, clock).add(key, WINDOW, 1);
  const index = clock.now() / 1000 / WINDOW;
  const { Item: item } = await aws.dynamoDb.send(
    new GetItemCommand({
      TableName: aws.resources.table,
      Key: { pk: { S: `COUNT#${key}#${WINDOW}#${index}` } },
    }),
  );
  expect(Number(item?.['ttl']?.N)).toBe(clock.now() / 1000 + 3 * WINDOW);
});

test('this process counts no more keys than it may, the least used ones go', () => {
  const counter = new MemoryCounter(new TestClock(), 2);
  counter.add('a', WINDOW, 1);
  counter.add('b', WINDOW, 1);
  counter.read('a', WINDOW);
  counter.add('c', WINDOW, 1);
  expect(['a', 'b', 'c'].map((key) => counter.read(key, WINDOW))).toEqual([1, 0, 1]);
});
