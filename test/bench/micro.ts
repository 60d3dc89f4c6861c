// What the pure protocol costs by itself: the decoder on four inputs, and whole transactions by the session.
import { Bench } from 'tinybench';
import { BareNewlineSearch } from '../../src/smtp/data/bare-newline-search.ts';
import { DataDecoder } from '../../src/smtp/data/data-decoder.ts';
import { MessageDecoder } from '../../src/smtp/data/message-decoder.ts';
import { type Output, Session, type SessionOptions } from '../../src/smtp/index.ts';
import { usualOptions } from '../support/session.ts';
import { inFigures, table } from './report.ts';

const INPUT_OCTETS = 4 * 1024 * 1024;
/** What Node.js reads from a socket in one go. */
const CHUNK_OCTETS = 65_536;
const MIB = 1024 * 1024;

const options: SessionOptions = {
  ...usualOptions,
  maxMessageSize: 1024 * MIB,
  maxMessages: Number.MAX_SAFE_INTEGER,
};

const WORDS = 'It is a truth universally acknowledged, that a single man in possession of';
const inputs: readonly (readonly [string, readonly string[]])[] = [
  ['base64, 76 columns', [`${'QmFzZTY0'.repeat(10).slice(0, 76)}\r\n`]],
  ['text, lines of 1 to 74', Array.from({ length: 74 }, (_, n) => `${WORDS.slice(0, n + 1)}\r\n`)],
  ['a dot at every third line', [`${WORDS}\r\n`, `${WORDS}\r\n`, `..${WORDS}\r\n`]],
  ['the worst case: only dots', ['..\r\n']],
];

export async function measureMicro(): Promise<string> {
  const rows: string[][] = [];
  for (const [name, lines] of inputs) {
    const chunks = chunksOf(lines);
    const decode = await perSecond(() => {
      const decoder = new DataDecoder();
      for (const chunk of chunks) decoder.decode(chunk, 0, []);
    });
    const search = await perSecond(() => {
      const bareNewlines = new BareNewlineSearch();
      for (const chunk of chunks) bareNewlines.find(chunk, 0, chunk.length);
    });
    const take = await perSecond(() => {
      const decoder = new MessageDecoder(options);
      for (const chunk of chunks) decoder.takeData(chunk, 0, []);
    });
    rows.push([
      name,
      ...[decode, search, take].map((each) => inFigures((each * INPUT_OCTETS) / MIB)),
    ]);
  }
  const head = ['MiB/s', 'decoder', 'bare newlines', 'both, as DATA does'];
  const transactions = await perSecond(makeTransaction());
  return [
    '### The protocol alone',
    table(head, rows),
    `${inFigures(transactions)} transactions a second (MAIL, RCPT, DATA, 2.4 KB) through one session.`,
  ].join('\n\n');
}

/** What many runs in a row make in a second: the median of tinybench's. */
async function perSecond(run: () => void): Promise<number> {
  const bench = new Bench({ time: 1000, warmupTime: 500 });
  bench.add('run', run);
  const [task] = await bench.run();
  if (task?.result.state !== 'completed') throw new Error('the benchmark did not complete');
  return 1000 / task.result.latency.p50;
}

function chunksOf(lines: readonly string[]): Buffer[] {
  const once = Buffer.from(lines.join(''));
  const input = Buffer.alloc(INPUT_OCTETS, once);
  return Array.from({ length: INPUT_OCTETS / CHUNK_OCTETS }, (_, index) =>
    input.subarray(index * CHUNK_OCTETS, (index + 1) * CHUNK_OCTETS),
  );
}

/** One transaction, command by command, as a client without pipelining sends it; every question is answered. */
function makeTransaction(): () => void {
  const session = new Session(options, {
    sessionId: 'bench',
    listener: 'mx',
    clientAddress: '192.0.2.1',
    clientPort: 25,
  });
  const message = `Subject: bench\r\n\r\n${`${WORDS}\r\n`.repeat(31)}.\r\n`;
  const commands = ['MAIL FROM:<a@client.example>', 'RCPT TO:<b@mx.example>', 'DATA'];
  const chunks = [...commands.map((command) => `${command}\r\n`), message].map((text) =>
    Buffer.from(text),
  );
  const answerAll = (outputs: Output[]): void => {
    let said = outputs;
    while (session.expects === 'answer') said = session.answer({ kind: 'accept' });
    const last = said.at(-1);
    if (last?.kind !== 'send' || !/^[23]/.test(last.text)) throw new Error('refused');
  };
  session.begin();
  answerAll(session.receive(Buffer.from('EHLO client.example\r\n')));
  return () => {
    for (const chunk of chunks) answerAll(session.receive(chunk));
  };
}
