import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FairBudget } from '../../../src/bridge/intake/fair-budget.ts';
import type { Holder, Holding, ShedReason } from '../../../src/bridge/intake/holding.ts';

const KB = 1000;
const never = new AbortController().signal;

/** 1,000 KB, of which 100 are kept back for one that waits. */
function makeBudget(octets = 1000 * KB): FairBudget {
  return new FairBudget({
    octets,
    messageOctets: 100 * KB,
    littleOctets: 100 * KB,
    octetsForLittle: 0,
  });
}

/** A message that gives everything back when it is let go. */
class TestMessage implements Holder {
  readonly budget: FairBudget;
  readonly holding: Holding;
  shedFor: ShedReason | undefined;
  grants = 0;
  #wake: () => void = () => undefined;

  constructor(budget: FairBudget, client: string, listener = 'mx', expected = 100 * KB) {
    this.budget = budget;
    this.holding = budget.join(this, client, listener, expected);
  }

  /** Brings octets, as a client does, and reserves the memory for them. */
  bring(octets: number): boolean {
    this.holding.bring(octets, performance.now());
    return this.budget.reserve(this.holding, octets);
  }

  /** Settles when the octets are reserved; `false` if the message was let go. */
  async bringAll(octets: number): Promise<boolean> {
    if (this.shedFor !== undefined) return false;
    if (this.bring(octets)) return true;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return this.shedFor === undefined;
  }

  granted(): void {
    this.grants += 1;
    this.#wake();
  }

  shed(reason: ShedReason): void {
    this.shedFor = reason;
    this.budget.leave(this.holding);
    this.#wake();
  }
}

const client = (number: number): string => `192.0.2.${number}`;

function many(budget: FairBudget, count: number, of: string, listener = 'mx'): TestMessage[] {
  return Array.from({ length: count }, () => new TestMessage(budget, of, listener));
}

describe('memory under pressure', () => {
  test('goes first to the client that holds the least, then in the order of arrival', async () => {
    const budget = makeBudget();
    const [one, two, other] = [
      new TestMessage(budget, client(1)),
      new TestMessage(budget, client(1)),
      new TestMessage(budget, client(2)),
    ];
    const holder = new TestMessage(budget, client(3));
    holder.holding.isProtected = true;
    expect(holder.bring(880 * KB)).toBe(true);
    expect([one.bring(15 * KB), two.bring(30 * KB), other.bring(25 * KB)]).toEqual([
      true,
      false,
      false,
    ]);
    await Promise.resolve();
    // The first that waited goes on out of what is kept back.
    expect([two.grants, other.grants]).toEqual([1, 0]);
    const late = new TestMessage(budget, client(2));
    expect(late.bring(20 * KB)).toBe(false);
    expect(one.bring(40 * KB)).toBe(false);
    budget.leave(holder.holding);
    await Promise.resolve();
    expect([one.grants, other.grants, late.grants]).toEqual([1, 1, 1]);
    expect(budget.isShort).toBe(false);
  });

  test('is taken from the client that holds the most, and is not taken back', () => {
    const budget = makeBudget();
    const attackers = [...many(budget, 10, client(1)), ...many(budget, 8, client(2))];
    for (const each of attackers) expect(each.bring(50 * KB)).toBe(true);
    const victim = new TestMessage(budget, client(3));
    expect(victim.bring(60 * KB)).toBe(false);
    // 500 and 400 KB: one of the first client's is let go, and 10 KB are out of what is kept back.
    expect(attackers.filter(({ shedFor }) => shedFor === 'client-share')).toHaveLength(1);
    expect(attackers.slice(10).every(({ shedFor }) => shedFor === undefined)).toBe(true);
    // The next ones of the attackers let nobody else go but their own equals.
    for (const address of [client(1), client(2)]) {
      for (const each of many(budget, 20, address)) each.bring(50 * KB);
    }
    expect(victim.shedFor).toBeUndefined();
    expect(victim.grants + Number(victim.holding.held > 0)).toBeGreaterThan(0);
  });

  test('is not taken from a client for another one that would hold as much', () => {
    const budget = makeBudget();
    const clients = Array.from({ length: 9 }, (_, at) => new TestMessage(budget, client(at)));
    for (const each of clients) expect(each.bring(100 * KB)).toBe(true);
    const next = new TestMessage(budget, client(100));
    next.bring(10 * KB);
    expect(clients.every(({ shedFor }) => shedFor === undefined)).toBe(true);
  });

  test('is shared by the listeners: those who sign in get theirs from a listener that holds all of it', () => {
    const budget = makeBudget();
    const strangers = Array.from({ length: 18 }, (_, at) => new TestMessage(budget, client(at)));
    for (const each of strangers) expect(each.bring(50 * KB)).toBe(true);
    const users = Array.from(
      { length: 9 },
      (_, at) => new TestMessage(budget, client(100 + at), 'submission'),
    );
    for (const each of users) each.bring(50 * KB);
    const shed = strangers.filter(({ shedFor }) => shedFor === 'listener-share');
    // Half of the strangers' 900 KB.
    expect(shed).toHaveLength(9);
    expect(users.every(({ shedFor }) => shedFor === undefined)).toBe(true);
  });

  test('is never taken from a mail that is being stored', () => {
    const budget = makeBudget();
    const stored = many(budget, 9, client(1));
    for (const each of stored) {
      each.bring(100 * KB);
      each.holding.isProtected = true;
    }
    for (const each of Array.from({ length: 5 }, (_, at) => client(10 + at))) {
      new TestMessage(budget, each).bring(50 * KB);
    }
    expect(stored.every(({ shedFor }) => shedFor === undefined)).toBe(true);
  });

  test('never holds more than it has, and every message ends: no deadlock', async () => {
    const steps = fc.array(fc.integer({ min: 1, max: 25 * KB }), { maxLength: 4 });
    const message = fc.record({
      steps,
      from: fc.integer({ min: 1, max: 4 }),
      listener: fc.constantFrom('mx', 'submission'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 40 }), async (messages) => {
        const octets = 400 * KB;
        const budget = makeBudget(octets);
        let peak = 0;
        let ended = 0;
        await Promise.all(
          messages.map(async (each) => {
            const own = new TestMessage(budget, client(each.from), each.listener);
            for (const step of each.steps) {
              if (!(await own.bringAll(step))) break;
              peak = Math.max(peak, budget.usedOctets);
              await Promise.resolve();
            }
            ended += 1;
            budget.leave(own.holding);
          }),
        );
        expect(ended).toBe(messages.length);
        expect(peak).toBeLessThanOrEqual(octets);
        expect([budget.usedOctets, budget.isShort, budget.clients.size]).toEqual([0, false, 0]);
      }),
    );
  });
});

describe('a message that brings little', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setInterval'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Nine messages of as many clients, which fill the budget. */
  function fill(budget: FairBudget): TestMessage[] {
    const messages = Array.from({ length: 9 }, (_, at) => new TestMessage(budget, client(at)));
    for (const each of messages) expect(each.bring(100 * KB)).toBe(true);
    // What is kept back is taken too.
    const last = new TestMessage(budget, client(50));
    last.bring(90 * KB);
    last.holding.isProtected = true;
    return messages;
  }

  test('is let go before any other, once it is idle and not before', () => {
    const budget = makeBudget();
    const messages = fill(budget);
    const waiting = new TestMessage(budget, client(100));
    expect(waiting.bring(10 * KB)).toBe(false);
    for (let second = 0; second < 20; second += 1) {
      vi.advanceTimersByTime(1000);
      // All but the third go on with 1 KB a second; it brings 10 octets.
      for (const each of messages) {
        each.holding.bring(each === messages[3] ? 10 : KB, performance.now());
      }
      if (second < 7) expect(messages[3]?.shedFor).toBeUndefined();
    }
    expect(messages.map(({ shedFor }) => shedFor).filter((reason) => reason !== undefined)).toEqual(
      ['idle'],
    );
    expect(messages[3]?.shedFor).toBe('idle');
    expect(waiting.holding.held).toBe(10 * KB);
  });

  test('is not idle while the server does not read it', () => {
    const budget = makeBudget();
    const messages = fill(budget);
    for (const each of messages) each.holding.pause(performance.now());
    new TestMessage(budget, client(100)).bring(50 * KB);
    vi.advanceTimersByTime(60_000);
    for (const each of messages) each.holding.resume(performance.now());
    vi.advanceTimersByTime(2000);
    expect(messages.every(({ shedFor }) => shedFor === undefined)).toBe(true);
  });

  test('keeps others from beginning for a second at the most, whatever it declared', async () => {
    const budget = makeBudget();
    const claims = Array.from({ length: 10 }, (_, at) => new TestMessage(budget, client(at)));
    expect(claims.map((each) => budget.enter(each.holding, 20_000, never))).toEqual(
      claims.map(() => true),
    );
    const honest = new TestMessage(budget, client(100));
    const entered = budget.enter(honest.holding, 20_000, never);
    expect(entered).toBeInstanceOf(Promise);
    vi.advanceTimersByTime(1000);
    expect(await entered).toBe(true);
  });
});

describe('a message that waits to begin', () => {
  test('begins at once where its client has none, and others have several', () => {
    const budget = makeBudget();
    for (const each of many(budget, 10, client(1))) {
      expect(budget.enter(each.holding, 1000, never)).toBe(true);
      each.bring(50 * KB);
    }
    expect(budget.enter(new TestMessage(budget, client(2)).holding, 1000, never)).toBe(true);
  });

  test('begins at once where its listener has less than its share', () => {
    const budget = makeBudget();
    for (let number = 0; number < 10; number += 1) {
      const each = new TestMessage(budget, client(number));
      expect(budget.enter(each.holding, 1000, never)).toBe(true);
    }
    const user = new TestMessage(budget, client(100), 'submission');
    expect(budget.enter(user.holding, 1000, never)).toBe(true);
  });

  test('gives up after its time, and when its client is gone', async () => {
    const budget = makeBudget();
    const holders = Array.from({ length: 10 }, (_, at) => new TestMessage(budget, client(at)));
    for (const each of holders) {
      expect(budget.enter(each.holding, 1000, never)).toBe(true);
      each.bring(90 * KB);
      each.holding.isProtected = true;
    }
    const gone = new AbortController();
    const [one, other] = [100, 101].map(
      (number) => new TestMessage(budget, client(number), 'mx', 200 * KB),
    );
    if (one === undefined || other === undefined) throw new Error('two were made');
    const late = budget.enter(one.holding, 20, never);
    const lost = budget.enter(other.holding, 60_000, gone.signal);
    gone.abort();
    expect(await Promise.all([late, lost])).toEqual([false, false]);
  });

  test('keeps its place when one client has thousands that wait', async () => {
    const budget = makeBudget();
    for (let number = 0; number < 10; number += 1) {
      const each = new TestMessage(budget, client(10 + number));
      expect(budget.enter(each.holding, 1000, never)).toBe(true);
      each.holding.isProtected = true;
      each.bring(90 * KB);
    }
    const waits = Array.from(
      { length: 2000 },
      () => new TestMessage(budget, client(2), 'mx', 200 * KB),
    ).map((each) => budget.enter(each.holding, 60_000, never));
    const last = new TestMessage(budget, client(2), 'mx', 200 * KB);
    const other = new TestMessage(budget, client(3), 'mx', 200 * KB);
    expect(await budget.enter(last.holding, 60_000, never)).toBe(false);
    const entered = budget.enter(other.holding, 60_000, never);
    const isOver: boolean[] = [];
    for (const each of [...waits, entered]) {
      if (each === true) throw new Error('there was no room');
      void each.then((isIn) => isOver.push(isIn));
    }
    await new Promise((resolve) => setImmediate(resolve));
    // One of the many made room for the other client's, which waits.
    expect(isOver).toEqual([false]);
    expect(other.holding.isEntered).toBe(false);
    expect(budget.isShort).toBe(true);
  });

  test('begins when another one has ended: first those whose client has the fewest', async () => {
    const budget = makeBudget(300 * KB);
    const [first, ...others] = many(budget, 3, client(1));
    for (const each of [first, ...others]) {
      if (each !== undefined) expect(budget.enter(each.holding, 1000, never)).toBe(true);
    }
    const order: string[] = [];
    const waits = [client(1), client(2)].map(async (address) => {
      const own = new TestMessage(budget, address);
      if (await budget.enter(own.holding, 5000, never)) order.push(address);
      return own;
    });
    if (first !== undefined) budget.leave(first.holding);
    const second = await waits[1];
    expect(order).toEqual([client(2)]);
    if (second !== undefined) budget.leave(second.holding);
    await waits[0];
    expect(order).toEqual([client(2), client(1)]);
  });
});
