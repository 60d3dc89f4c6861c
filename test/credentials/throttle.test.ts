import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CredentialAdministration,
  createAuthenticator,
  type ThrottleOptions,
} from '../../src/credentials/index.ts';
import { issueGrants } from '../../src/policy/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { startFaultyTable } from './faulty-table.ts';
import {
  codeOf,
  INVALID,
  LOCKED,
  plain,
  recorder,
  session,
  TEMPORARY,
  TestClock,
} from './support.ts';

let aws: TestAws;
let secret: string;
beforeAll(async () => {
  aws = await startTestAws();
  const administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
  secret = (await administration.add({ username: 'known' })).generated ?? '';
});
afterAll(() => aws.close());

function start(throttle: ThrottleOptions = {}, clock = new TestClock(), client = aws.dynamoDb) {
  const observed = recorder();
  const authenticator = createAuthenticator({
    issueGrants,
    client,
    table: aws.resources.table,
    clock,
    throttle,
    observe: observed.observe,
    recordLastUse: false,
  });
  return {
    clock,
    events: observed.events,
    signIn: async (username: string, password: string, address?: string) =>
      authenticator.authenticate(plain(username, password), session(address)),
  };
}

test.each(['known', 'unknown'])(
  'each failure of the %s user waits twice as long as the one before, up to a limit',
  async (username) => {
    const { clock, signIn } = start();
    for (let failure = 0; failure < 6; failure++) await signIn(username, 'wrong');
    expect(clock.delays).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
  },
);

test('a success waits for nothing', async () => {
  const { clock, signIn } = start();
  await signIn('known', secret);
  expect(clock.delays).toEqual([]);
});

test('an address that fails too often is locked out for every name, and no other address is', async () => {
  const { signIn } = start({ addressFailures: 5, userFailures: 1000 });
  for (let failure = 0; failure < 5; failure++) {
    expect(await signIn(`name-${failure}`, 'wrong', '192.0.2.1')).toEqual(INVALID);
  }
  expect(await signIn('name-6', 'wrong', '192.0.2.1')).toEqual(LOCKED);
  expect(await signIn('known', secret, '192.0.2.1')).toEqual(LOCKED);
  expect(await signIn('known', secret, '192.0.2.2')).toMatchObject({ kind: 'accept' });
});

test('who is locked out waits for each refusal, and not longer and longer', async () => {
  const { clock, signIn } = start({ addressFailures: 1 });
  await signIn('unknown', 'wrong');
  for (let attempt = 0; attempt < 3; attempt++) {
    expect(await signIn('unknown', 'wrong')).toEqual(LOCKED);
  }
  expect(clock.delays).toEqual([500, 500, 500, 500]);
});

test('a lockout decays', async () => {
  const { clock, signIn } = start({ addressFailures: 5, windowSeconds: 600 });
  for (let failure = 0; failure < 5; failure++) await signIn('unknown', 'wrong');
  expect(codeOf(await signIn('known', secret))).toBe(454);
  clock.pass(1200);
  expect(codeOf(await signIn('known', secret))).toBe(235);
});

test.each([
  ['an address', { addressFailures: 5 }, ['a', 'b', 'c', 'd', 'e'], false],
  ['a user name', { userFailures: 5 }, Array<string>(5).fill('known'), false],
  ['the user at a known address', { userFailures: 5 }, Array<string>(5).fill('known'), true],
] as const)(
  'no more failures of %s than its limit are compared where the next window begins among them',
  async (_, limits, names, isKnown) => {
    const { clock, signIn } = start({ ...limits, windowSeconds: 600 });
    if (isKnown) await signIn('known', secret);
    for (const name of names) await signIn(name, 'wrong');
    clock.pass(600 - (clock.now() % 600_000) / 1000);
    expect(codeOf(await signIn(names[0], 'wrong'))).toBe(454);
    clock.pass(60);
    expect(codeOf(await signIn(names[0], 'wrong'))).toBe(454);
    // A quarter of the window later, one of the five has gone.
    clock.pass(90);
    expect(codeOf(await signIn(names[0], 'wrong'))).toBe(535);
    expect(codeOf(await signIn(names[0], 'wrong'))).toBe(454);
  },
);

test('all of an IPv6 /64 is one client', async () => {
  const { signIn } = start({ addressFailures: 3 });
  for (const host of ['1', 'ffff:1:2', 'a:b']) {
    await signIn('unknown', 'wrong', `2001:db8:0:1::${host}`);
  }
  expect(await signIn('known', secret, '2001:db8:0:1::77')).toEqual(LOCKED);
  expect(await signIn('known', secret, '2001:db8:0:2::1')).toMatchObject({ kind: 'accept' });
});

test.each(['known', 'unknown'])(
  'the name of the %s user is locked from new addresses, and the reply is the same',
  async (username) => {
    const { signIn } = start({ userFailures: 4 });
    for (let failure = 0; failure < 4; failure++) {
      await signIn(username, 'wrong', `198.51.100.${failure}`);
    }
    expect(await signIn(username, secret, '198.51.100.200')).toEqual(LOCKED);
  },
);

test('nobody locks a user out of the place where that user signs in', async () => {
  const { signIn } = start({ userFailures: 4 });
  await signIn('known', secret, '192.0.2.10');
  for (let failure = 0; failure < 10; failure++) {
    await signIn('known', 'wrong', `198.51.100.${failure}`);
  }
  expect(await signIn('known', secret, '192.0.2.10')).toMatchObject({ kind: 'accept' });
  expect(await signIn('known', secret, '192.0.2.11')).toEqual(LOCKED);
});

test('a client behind the address of a user has as many guesses as a stranger', async () => {
  const { signIn } = start({ userFailures: 4 });
  await signIn('known', secret, '192.0.2.10');
  for (let failure = 0; failure < 4; failure++) {
    expect(await signIn('known', `guess-${failure}`, '192.0.2.10')).toEqual(INVALID);
  }
  expect(await signIn('known', secret, '192.0.2.10')).toEqual(LOCKED);
});

test('of guesses made side by side, those past the limit do not learn whether they were right', async () => {
  const { signIn } = start({ addressFailures: 5 });
  const guesses = await Promise.all(
    Array.from({ length: 40 }, (_, guess) => signIn('known', `guess-${guess}`)),
  );
  expect(guesses.filter((answer) => codeOf(answer) === 535)).toHaveLength(5);
  expect(guesses.filter((answer) => codeOf(answer) === 454)).toHaveLength(35);
});

test('attempts side by side wait for those that are under way, and none that is right is locked out', async () => {
  const { signIn } = start({ addressFailures: 5 });
  const codes = await Promise.all(
    Array.from({ length: 60 }, async () => codeOf(await signIn('known', secret, '192.0.2.60'))),
  );
  expect(codes).toEqual(Array.from({ length: 60 }, () => 235));
});

test('a right guess behind more wrong ones than may fail is not compared', async () => {
  const { signIn } = start({ userFailures: 5 });
  const answers = await Promise.all(
    ['a', 'b', 'c', 'd', 'e', secret, 'f'].map((guess, client) =>
      signIn('known', guess, `198.51.100.${client}`),
    ),
  );
  expect(answers.map(codeOf)).toEqual([535, 535, 535, 535, 535, 454, 454]);
});

test('a guess that is answered 454 because the table is away counts', async () => {
  await using table = await startFaultyTable(aws);
  const { signIn, clock } = start({ userFailures: 4 }, new TestClock(), table.client);
  await signIn('known', secret, '203.0.113.20');
  clock.pass(60);
  table.fault = 'reset';
  // Compared with the credential of before the outage.
  for (let guess = 0; guess < 4; guess++) {
    expect(await signIn('known', 'wrong', `203.0.113.${30 + guess}`)).toEqual(TEMPORARY);
  }
  expect(await signIn('known', secret, '203.0.113.40')).toEqual(LOCKED);
  expect(await signIn('known', secret, '203.0.113.20')).toMatchObject({ kind: 'accept' });
});

test('a client that waits for many replies loses one to a client that waits for none', async () => {
  const held: (() => void)[] = [];
  class HoldingClock extends TestClock {
    override delay(): Promise<void> {
      return new Promise((resolve) => held.push(resolve));
    }
  }
  const { signIn } = start(
    { maxDelayed: 3, addressFailures: 1000, userFailures: 1000 },
    new HoldingClock(),
  );
  const settled: string[] = [];
  const attempt = async (address: string): Promise<void> => {
    settled.push(`${codeOf(await signIn('unknown', 'wrong', address))} ${address}`);
  };
  const many = [1, 2, 3].map(() => attempt('203.0.113.50'));
  await expect.poll(() => held.length).toBe(3);
  const other = attempt('203.0.113.51');
  await expect.poll(() => held.length).toBe(4);
  await expect.poll(() => settled).toEqual(['421 203.0.113.50']);
  for (const release of held) release();
  await Promise.all([...many, other]);
  expect(settled.toSorted()).toEqual([
    '421 203.0.113.50',
    '535 203.0.113.50',
    '535 203.0.113.50',
    '535 203.0.113.51',
  ]);
});

test('no more sessions wait than may; the rest get 421 at once', async () => {
  const held: (() => void)[] = [];
  class HoldingClock extends TestClock {
    override delay(): Promise<void> {
      return new Promise((resolve) => held.push(resolve));
    }
  }
  const { signIn } = start(
    { maxDelayed: 3, addressFailures: 1000, userFailures: 1000 },
    new HoldingClock(),
  );
  const settled: number[] = [];
  const attempts = Array.from({ length: 5 }, async () => {
    settled.push(codeOf(await signIn('unknown', 'wrong')));
  });
  await expect.poll(() => [held.length, settled.length], { timeout: 20_000 }).toEqual([3, 2]);
  expect(settled).toEqual([421, 421]);
  for (const release of held) release();
  await Promise.all(attempts);
  expect(settled).toEqual([421, 421, 535, 535, 535]);
});

describe('shared by the fleet', () => {
  test('shared by the fleet: failures at one task count at another', async () => {
    const clock = new TestClock();
    const options = { shared: true, addressFailures: 4 };
    const [one, other] = [start(options, clock), start(options, clock)];
    for (let failure = 0; failure < 2; failure++) {
      await one.signIn(`fleet-${failure}`, 'wrong', '203.0.113.1');
      await other.signIn(`fleet-${failure}`, 'wrong', '203.0.113.1');
    }
    expect(await one.signIn('known', secret, '203.0.113.1')).toEqual(LOCKED);
    expect(await other.signIn('known', secret, '203.0.113.1')).toEqual(LOCKED);
    expect(await other.signIn('known', secret, '203.0.113.2')).toMatchObject({ kind: 'accept' });
  });

  test('shared by the fleet: a user who is known at an address costs no reading of counters', async () => {
    await using table = await startFaultyTable(aws);
    const { signIn } = start({ shared: true }, new TestClock(), table.client);
    await signIn('known', secret, '203.0.113.3');
    table.operations.length = 0;
    await signIn('known', secret, '203.0.113.3');
    expect(table.operations).toEqual([]);
  });

  test.each([
    ['open', 235],
    ['closed', 454],
  ] as const)('with the counters out of reach it fails %s', async (onOutage, code) => {
    await using table = await startFaultyTable(aws);
    const { signIn, events } = start({ shared: true, onOutage }, new TestClock(), table.client);
    // The credential is cached, so only the counters are out of reach for the second address.
    await signIn('known', secret, '203.0.113.4');
    table.fault = 'reset';
    expect(codeOf(await signIn('known', secret, '203.0.113.5'))).toBe(code);
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'table-unavailable', operation: 'count' }),
    );
  });

  test('shared by the fleet: failing open still counts what this task sees', async () => {
    await using table = await startFaultyTable(aws);
    const { signIn } = start({ shared: true, addressFailures: 3 }, new TestClock(), table.client);
    await signIn('known', secret, '203.0.113.6');
    for (let failure = 0; failure < 3; failure++) {
      await signIn(`task-${failure}`, 'wrong', '203.0.113.7');
    }
    table.fault = 'unavailable';
    expect(await signIn('known', secret, '203.0.113.7')).toEqual(LOCKED);
  });
});
