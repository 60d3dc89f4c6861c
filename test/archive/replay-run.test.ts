import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Destination,
  MailRefusedError,
  type Place,
  type ReplayRunOptions,
  ReplayStateError,
  runReplay,
  selectScope,
} from '../../src/archive/index.ts';
import type { ReceivedNotification } from '../../src/bridge/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { collect, storeMails } from './support.ts';

let aws: TestAws;
let place: Place;
let folder: string;
let keys: string[];

beforeAll(async () => {
  aws = await startTestAws();
  place = { s3: aws.s3, bucket: aws.resources.bucket };
  folder = await mkdtemp(join(tmpdir(), 'mailsluice-replay-run-'));
  keys = await storeMails(
    aws,
    Array.from({ length: 8 }, (_, n) => ({ at: `2026-11-23T13:00:0${n}.000Z` })),
  );
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await aws.close();
});

/** Takes every mail, except where `fault` throws. */
class RecordingDestination implements Destination {
  readonly name = 'recording';
  readonly taken: { key: string; replay: string | undefined }[] = [];
  fault: (key: string) => void = () => undefined;

  async deliver({ key, notification }: Parameters<Destination['deliver']>[0]): Promise<void> {
    this.fault(key);
    const { mailsluice } = JSON.parse(notification.message) as ReceivedNotification;
    this.taken.push({ key, replay: mailsluice.replay?.id });
  }

  get keys(): string[] {
    return this.taken.map(({ key }) => key);
  }
}

let destination: RecordingDestination;
beforeEach(() => {
  destination = new RecordingDestination();
});

function options(more: Partial<ReplayRunOptions> = {}): ReplayRunOptions {
  return {
    mails: [],
    selection: { prefixes: ['mail/'] },
    destination,
    concurrency: 1,
    signal: new AbortController().signal,
    ...more,
  };
}

test('a run announces every selected mail in order, under one mark, and counts them', async () => {
  let steps = 0;
  const result = await runReplay(place, options({ onMail: () => (steps += 1) }));
  expect(result).toMatchObject({ announced: 8, failed: 0, isComplete: true, isResumed: false });
  expect(destination.keys).toEqual(keys);
  expect(new Set(destination.taken.map(({ replay }) => replay))).toEqual(new Set([result.mark.id]));
  expect(steps).toBe(8);
});

test('a run of single mails takes them by id and by key, and by nothing else', async () => {
  const [first = '', second = ''] = keys;
  const result = await runReplay(place, options({ mails: [second.slice(-40), first] }));
  expect(result).toMatchObject({ announced: 2 });
  expect(destination.keys).toEqual([second, first]);
});

test('a mail that the destination refuses is counted and named, and the run goes on', async () => {
  destination.fault = (key) => {
    if (key === keys[2]) throw new MailRefusedError('not this one');
  };
  const result = await runReplay(place, options());
  expect(result).toMatchObject({
    announced: 7,
    failed: 1,
    failures: [{ key: keys[2], reason: 'not this one' }],
    isComplete: true,
  });
});

test('a destination that fails stops the run, and the next run of the task resumes there', async () => {
  const state = { file: join(folder, 'stopped'), task: 'the task' };
  const fault = new Error('the destination is gone');
  destination.fault = (key) => {
    if (key === keys[5]) throw fault;
  };
  const stopped = await runReplay(place, options({ state }));
  expect(stopped).toMatchObject({ announced: 5, isComplete: false, stoppedBy: fault });

  destination.fault = () => undefined;
  const resumed = await runReplay(place, options({ state }));
  expect(resumed).toMatchObject({
    announced: 8,
    failed: 0,
    isComplete: true,
    isResumed: true,
    mark: stopped.mark,
  });
  expect(destination.keys).toEqual(keys);
});

test('a signal ends the run after the mail in progress, and the limit counts over all runs', async () => {
  const state = { file: join(folder, 'limited'), task: 'the task' };
  const abort = new AbortController();
  destination.fault = (key) => {
    if (key === keys[3]) abort.abort();
  };
  const first = await runReplay(place, options({ state, limit: 6, signal: abort.signal }));
  expect(first).toMatchObject({ announced: 4, isComplete: false });
  expect(first).not.toHaveProperty('stoppedBy');
  const second = await runReplay(place, options({ state, limit: 6 }));
  expect(second).toMatchObject({ announced: 6, isComplete: true });
  expect(destination.keys).toEqual(keys.slice(0, 6));
});

test('a state file of another task is refused and left as it is', async () => {
  const file = join(folder, 'other');
  await runReplay(place, options({ state: { file, task: 'one' }, limit: 2 }));
  const before = await readFile(file, 'utf8');
  await expect(runReplay(place, options({ state: { file, task: 'two' } }))).rejects.toThrow(
    ReplayStateError,
  );
  expect(await readFile(file, 'utf8')).toBe(before);
  expect(destination.keys).toHaveLength(2);
});

test('the total is counted during the run, at most up to the limit', async () => {
  const totals: number[] = [];
  // The run lasts until the total is known.
  const total = Promise.withResolvers<void>();
  const waiting: Destination = { name: 'waiting', deliver: () => total.promise };
  const onTotal = (count: number): void => {
    totals.push(count);
    total.resolve();
  };
  await runReplay(place, options({ destination: waiting, onTotal, limit: 3 }));
  expect(totals).toEqual([3]);
});

test('selectScope gives the mails that a run would announce', async () => {
  const { mails, selection } = options();
  const selected = await collect(selectScope(place, { mails, selection, limit: 3 }));
  expect(selected.map(({ key }) => key)).toEqual(keys.slice(0, 3));
  expect(await collect(selectScope(place, { mails, selection, limit: 0 }))).toEqual([]);
});
