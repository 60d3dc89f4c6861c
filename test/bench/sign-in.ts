// Two numbers of sign-in, on a whole `mailsluice serve` process beside an embedded AWS in another. Run: node test/bench/sign-in.ts [seconds]
//
// 1. Enumeration: medians of the time to the reply for an unknown user, a wrong generated secret and a wrong
//    chosen password, 200 tries each, once as configured by default and once without the wait that hides what
//    was computed. The first must differ by less than 5 %.
// 2. Flood: the time from the final dot to the 250 of ordinary traffic, alone and beside 200 failing sign-ins a
//    second, from one address and from many. The p99 must rise by less than half.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { connect as connectTls } from 'node:tls';
import { CredentialAdministration, createCredentialClient } from '../../src/credentials/index.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../src/app/local/embedded-aws.ts';
import { serve, type Served } from '../credentials/served.ts';

const TRIES = 200;
const FLOOD_PER_SECOND = 200;
const USERS = 50;
const generous = { addressFailures: 1_000_000, userFailures: 1_000_000 };

/** Reads reply by reply; a lost connection gives an empty one. */
class Dialogue {
  readonly socket: Socket;
  #text = '';
  #wake: () => void = () => {};
  #ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/.exec(this.#text);
      if (match) {
        this.#text = this.#text.slice(match[0].length);
        return match[0];
      }
      if (this.#ended) return '';
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async say(line: string): Promise<string> {
    if (!this.#ended) this.socket.write(`${line}\r\n`);
    return this.reply();
  }
}

async function openSubmission(port: number, localAddress?: string): Promise<Dialogue> {
  const socket = connect({ port, host: '127.0.0.1', ...(localAddress && { localAddress }) });
  const dialogue = new Dialogue(connectTls({ socket, rejectUnauthorized: false }));
  await dialogue.reply();
  await dialogue.say('EHLO bench.example');
  return dialogue;
}

function authPlain(username: string, password: string): string {
  return `AUTH PLAIN ${Buffer.from(`\0${username}\0${password}`).toString('base64')}`;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

type Aws = Omit<EmbeddedAws, 'close' | typeof Symbol.asyncDispose>;

/** The embedded AWS in a process of its own, as it is in earnest. */
async function withServer<T>(changes: object, use: (server: Served, aws: Aws) => Promise<T>) {
  const child = fork(fileURLToPath(import.meta.url), ['aws']);
  try {
    const [aws] = (await once(child, 'message')) as [Aws];
    await using server = await serve(aws, changes);
    return await use(server, aws);
  } finally {
    child.kill();
  }
}

async function measureReplies(throttle: object): Promise<Record<string, number>> {
  const changes = {
    credentials: { table: 'mailsluice-credentials', throttle: { ...generous, ...throttle } },
  };
  return withServer(changes, async (server, aws) => {
    const administration = administrationOf(aws);
    await administration.add({ username: 'generated' });
    const password = 'a chosen password';
    await administration.add({ username: 'chosen', secret: { kind: 'password', password } });
    const users: Record<string, (n: number) => string> = {
      'unknown user': (n) => `unknown-${n}`,
      'wrong generated secret': () => 'generated',
      'wrong chosen password': () => 'chosen',
    };
    // In turns, so that what else the machine does strikes all alike.
    const times = new Map<string, number[]>(Object.keys(users).map((name) => [name, []]));
    const inTurns = 10;
    await Promise.all(
      Array.from({ length: inTurns }, async (_, lane) => {
        for (let n = lane; n < TRIES; n += inTurns) {
          for (const [name, userOf] of Object.entries(users)) {
            const dialogue = await openSubmission(server.port('smtps'));
            const begun = performance.now();
            const reply = await dialogue.say(authPlain(userOf(n), `wrong-${n}`));
            if (!reply.startsWith('535')) throw new Error(`expected 535, got ${reply}`);
            times.get(name)?.push(performance.now() - begun);
            dialogue.socket.destroy();
          }
        }
      }),
    );
    return Object.fromEntries([...times].map(([name, all]) => [name, quantile(all, 0.5)]));
  });
}

function administrationOf(aws: Aws): CredentialAdministration {
  const { region, dynamoDbEndpoint: endpoint, credentials } = aws;
  const client = createCredentialClient({ region, endpoint, credentials });
  return new CredentialAdministration(client, aws.resources.table);
}

/** Ordinary traffic for so long: four connections, some fifty messages of 4 KB a second. */
async function measureCommits(port: number, seconds: number): Promise<number[]> {
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  const message = `Subject: bench\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(52)}.`;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      let dialogue: Dialogue | undefined;
      let sent = 0;
      while (performance.now() < until) {
        if (dialogue === undefined || sent % 90 === 0) {
          dialogue?.socket.destroy();
          dialogue = new Dialogue(connect({ port, host: '127.0.0.1' }));
          await dialogue.reply();
          await dialogue.say('EHLO bench.example');
        }
        sent++;
        await dialogue.say('MAIL FROM:<a@bench.example>');
        await dialogue.say('RCPT TO:<b@bench.example>');
        await dialogue.say('DATA');
        const begun = performance.now();
        const reply = await dialogue.say(message);
        if (!reply.startsWith('250')) throw new Error(`expected 250, got ${reply}`);
        times.push(performance.now() - begun);
        await new Promise((resolve) => setTimeout(resolve, 80));
      }
      dialogue?.socket.destroy();
    }),
  );
  return times;
}

/** In a process of its own: so many failing sign-ins a second, three to a connection. */
async function flood(port: number, seconds: number, isFromMany: boolean): Promise<void> {
  const codes = new Map<string, number>();
  const count = (reply: string): void => {
    const code = reply.slice(0, 3) || 'lost';
    codes.set(code, (codes.get(code) ?? 0) + 1);
  };
  const sessions: Promise<void>[] = [];
  const perSecond = FLOOD_PER_SECOND / 3;
  const begun = performance.now();
  for (let n = 0; n < seconds * perSecond; n++) {
    const due = begun + (n * 1000) / perSecond;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    const address = isFromMany ? `127.${1 + (n % 250)}.${(n >> 8) % 250}.1` : '127.0.0.2';
    sessions.push(
      (async () => {
        const dialogue = await openSubmission(port, address);
        for (let attempt = 0; attempt < 3; attempt++) {
          // Half of them known users with a chosen password, so that there is something to compute.
          const user = attempt === 1 ? `unknown-${n}` : `known-${n % USERS}`;
          count(await dialogue.say(authPlain(user, 'wrong')));
        }
        dialogue.socket.destroy();
      })(),
    );
  }
  await Promise.race([
    Promise.all(sessions),
    new Promise((resolve) => setTimeout(resolve, 20_000)),
  ]);
  process.send?.(Object.fromEntries(codes));
}

async function measureFlood(seconds: number): Promise<void> {
  const changes = {
    limits: { maxConnections: 5000, maxConnectionsPerAddress: 5000 },
  };
  await withServer(changes, async (server, aws) => {
    const administration = administrationOf(aws);
    for (let user = 0; user < USERS; user++) {
      const secret = { kind: 'password', password: 'a chosen password' } as const;
      await administration.add({ username: `known-${user}`, secret });
    }
    const mx = server.port('mx');
    await measureCommits(mx, 3);
    console.log('\n| traffic | messages | p50 ms | p99 ms | the flood heard |');
    console.log('|---|---|---|---|---|');
    report('alone', await measureCommits(mx, seconds), {});
    for (const isFromMany of [false, true]) {
      const args = ['flood', String(server.port('smtps')), String(seconds), String(isFromMany)];
      const child = fork(fileURLToPath(import.meta.url), args);
      const said = once(child, 'message');
      const times = await measureCommits(mx, seconds);
      const [codes] = (await said) as [object];
      child.kill();
      report(`flood from ${isFromMany ? 'many addresses' : 'one address'}`, times, codes);
    }
  });
}

function report(name: string, times: readonly number[], codes: object): void {
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  console.log(
    `| ${name} | ${times.length} | ${p50.toFixed(1)} | ${p99.toFixed(1)} | ${JSON.stringify(codes)} |`,
  );
}

const [first = '20', ...rest] = process.argv.slice(2);
if (first === 'flood') {
  await flood(Number(rest[0]), Number(rest[1]), rest[2] === 'true');
  process.exit(0);
}
if (first === 'aws') {
  const aws = await startEmbeddedAws();
  process.send?.(aws);
  await once(process, 'disconnect');
  process.exit(0);
}
const modes: [string, object][] = [
  ['as configured (first failures wait 500 ms)', { maxDelay: '0.5s' }],
  ['without the wait', { delay: 0, maxDelay: 0 }],
];
console.log('| time to the reply, median ms | unknown user | wrong generated | wrong chosen |');
console.log('|---|---|---|---|');
for (const [name, throttle] of modes) {
  const medians = Object.values(await measureReplies(throttle)).map((ms) => ms.toFixed(1));
  console.log(`| ${name} | ${medians.join(' | ')} |`);
}
await measureFlood(Number(first));
