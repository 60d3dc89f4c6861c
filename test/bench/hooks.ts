// What a chain of synchronous hooks costs by the message: whole transactions through the driver of a session, without a
// socket, with the chain and without it by turns.
import { Clock } from '../../src/server/clock.ts';
import { type Hooks, makeHooks } from '../../src/server/hooks.ts';
import { resolveOptions } from '../../src/server/resolve-options.ts';
import type { Serving } from '../../src/server/serving.ts';
import { type SessionConnection, SessionDriver } from '../../src/server/session-driver.ts';
import { SocketPauses } from '../../src/server/socket-pauses.ts';
import type { MessageWriter } from '../../src/smtp/index.ts';
import { PassThrough } from 'node:stream';
import { usualOptions } from '../support/session.ts';
import { table } from './report.ts';

const CHAIN = 5;
const MESSAGES = 20_000;
/** What a chain may cost, in microseconds a message. */
const BOUND_MICROSECONDS = 2;

type Add = (hooks: Hooks, count: { asked: number }) => void;
const chains: readonly (readonly [string, Add])[] = [
  ['onSender', (hooks, count) => void hooks.onSender.push(() => void count.asked++)],
  [
    'onRecipient, which looks at the path and the session',
    (hooks, count) =>
      void hooks.onRecipient.push(({ forwardPath, session, reply }) => {
        count.asked++;
        return forwardPath.domain === session.clientDomain ? reply(550, '7.1', 'No') : undefined;
      }),
  ],
  ['onData', (hooks, count) => void hooks.onData.push(() => void count.asked++)],
];

/** Prints microseconds a message, and whether each chain costs what it may. */
export function measureHooks(rounds: number): string {
  const rows = chains.map(([name, add]) => {
    const without = makeTransaction(makeHooks());
    const hooks = makeHooks();
    const count = { asked: 0 };
    for (let index = 0; index < CHAIN; index++) add(hooks, count);
    const chained = makeTransaction(hooks);
    for (const run of [without, chained]) time(run);
    count.asked = 0;
    const pairs = Array.from({ length: rounds }, (_, round) => {
      // By turns, so that neither always comes first.
      if (round % 2 === 0) return [time(without), time(chained)] as const;
      const second = time(chained);
      return [time(without), second] as const;
    });
    if (count.asked !== rounds * MESSAGES * CHAIN) throw new Error('a hook was not asked');
    return {
      name,
      without: median(pairs.map(([none]) => none)),
      cost: median(pairs.map(([none, five]) => five - none)),
      ratio: median(pairs.map(([none, five]) => five / none)),
    };
  });
  const dear = rows.filter(({ cost }) => cost > BOUND_MICROSECONDS);
  return [
    `### A chain of ${CHAIN} synchronous hooks`,
    table(
      ['hooks', 'CPU, µs a message without', 'µs more with', 'ratio'],
      rows.map(({ name, without, cost, ratio }) => [
        name,
        without.toFixed(2),
        cost.toFixed(2),
        ratio.toFixed(2),
      ]),
    ),
    dear.length === 0
      ? `Each is within the bound of ${BOUND_MICROSECONDS} µs a message.`
      : `Over the bound of ${BOUND_MICROSECONDS} µs a message: ${dear.map(({ name }) => name).join('; ')}.`,
  ].join('\n\n');
}

/** Microseconds of CPU for one, whatever else the machine does. */
function time(run: () => void): number {
  const begun = process.threadCpuUsage();
  for (let index = 0; index < MESSAGES; index++) run();
  const { user, system } = process.threadCpuUsage(begun);
  return (user + system) / MESSAGES;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const writer: MessageWriter = {
  write: () => true,
  commit: () => ({ code: 250, status: '0.0', text: 'Ok' }),
  discard() {},
};

/** One pipelined transaction of a session that goes on for ever. */
function makeTransaction(hooks: Hooks): () => void {
  const [listener] = resolveOptions({}).listeners;
  if (!listener) throw new Error('expected a listener, got none');
  const serving: Serving = {
    options: listener,
    sessionOptions: { ...usualOptions, maxMessages: Number.MAX_SAFE_INTEGER },
    hooks,
    clock: new Clock(300),
    observe: undefined,
    warn: (_, error) => {
      throw error;
    },
    openMessage: () => ({ kind: 'accept', writer }),
    makeState: () => ({}),
    hasTaker: () => true,
    nextMessageId: () => 'id',
    connections: { size: 1 },
    secure: () => {
      throw new Error('expected no handshake');
    },
    closed() {},
  };
  const peer = { sessionId: 'x', listener: 'mx', clientAddress: '192.0.2.1', clientPort: 25 };
  let said = '';
  const connection: SessionConnection = {
    peer,
    pauses: new SocketPauses(new PassThrough()),
    isInSession: true,
    write: (text) => {
      said = text;
    },
    upgradeTls() {},
    hangUp: (text) => {
      throw new Error(`expected a session that goes on, got ${text}`);
    },
    crash() {},
    reportFailure: (_, error) => {
      throw error;
    },
  };
  const driver = new SessionDriver(serving, connection, peer);
  driver.begin({ kind: 'accept' }, undefined);
  driver.received(Buffer.from('EHLO client.example\r\n'));
  const transaction = Buffer.from(
    'MAIL FROM:<a@client.example>\r\nRCPT TO:<b@mx.example>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\n',
  );
  return () => {
    driver.received(transaction);
    if (!said.endsWith('250 2.0.0 Ok\r\n')) throw new Error(`expected 250, got ${said}`);
  };
}
