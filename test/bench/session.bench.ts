// How fast the pure session is: transactions through it, and the data path in MiB/s on four inputs, the worst
// among them. `node test/bench/session.bench.ts`.
import { Bench } from 'tinybench';
import { BareNewlineSearch } from '../../src/smtp/bare-newline-search.ts';
import { DataDecoder } from '../../src/smtp/data-decoder.ts';
import { type Output, Session, type SessionOptions } from '../../src/smtp/index.ts';

const options: SessionOptions = {
  hostname: 'mx.example',
  protocol: 'smtp',
  tls: 'none',
  requireTls: false,
  auth: 'none',
  allowInsecureAuth: false,
  mechanisms: [],
  bareNewline: 'reject',
  smtpUtf8: true,
  maxMessageSize: 1e9,
  maxRecipients: 100,
  maxMessages: Number.POSITIVE_INFINITY,
  maxErrors: 20,
  maxSignInFailures: 3,
};
const connection = {
  sessionId: 'session-1',
  listener: 'mx',
  clientAddress: '192.0.2.1',
  clientPort: 54_321,
};

const CHUNK_OCTETS = 65_536;
const TOTAL_OCTETS = 4 * 1024 * 1024;

function chunksOf(line: string): Buffer[] {
  const whole = Buffer.from(line.repeat(Math.ceil(TOTAL_OCTETS / line.length)));
  const chunks: Buffer[] = [];
  for (let at = 0; at < TOTAL_OCTETS; at += CHUNK_OCTETS) {
    chunks.push(Buffer.from(whole.subarray(at, at + CHUNK_OCTETS)));
  }
  return chunks;
}

const inputs = {
  base64: chunksOf(`${'QUJD'.repeat(19)}\r\n`),
  text: chunksOf('The quick brown fox jumps over\r\nthe lazy dog, as ever.\r\n\r\n'),
  'a dot every third line': chunksOf(`${'some text. '.repeat(6)}\r\nmore\r\n..dots\r\n`),
  'nothing but dots': chunksOf('.x\r\n'),
};

/** Does what a driver does, and nothing. */
function act(session: Session, outputs: readonly Output[]): void {
  const last = outputs.at(-1);
  if (last?.kind === 'ask') act(session, session.answer({ kind: 'accept' }));
}

const packets = [
  'MAIL FROM:<sender@client.example> SIZE=2400\r\n',
  'RCPT TO:<recipient@mx.example>\r\n',
  'DATA\r\n',
  `${'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusm.\r\n'.repeat(33)}.\r\n`,
].map((text) => Buffer.from(text));
const pipelined = [Buffer.concat(packets.slice(0, 3)), ...packets.slice(3)];

const session = new Session(options, connection);
session.begin();
act(session, session.receive(Buffer.from('EHLO client.example\r\n')));

const bench = new Bench({ time: 1000 });
bench
  .add('transaction of 2.4 KB, a packet for each command', () => {
    for (const packet of packets) act(session, session.receive(packet));
  })
  .add('transaction of 2.4 KB, pipelined', () => {
    for (const packet of pipelined) act(session, session.receive(packet));
  })
  .add('session of one transaction, from greeting to QUIT', () => {
    const one = new Session(options, connection);
    one.begin();
    act(one, one.receive(Buffer.from('EHLO client.example\r\n')));
    for (const packet of packets) act(one, one.receive(packet));
    one.receive(Buffer.from('QUIT\r\n'));
  });
for (const [name, chunks] of Object.entries(inputs)) {
  bench.add(`4 MiB decoded: ${name}`, () => {
    const decoder = new DataDecoder();
    for (const chunk of chunks) decoder.decode(chunk, 0, []);
  });
  bench.add(`4 MiB searched for bare newlines: ${name}`, () => {
    const search = new BareNewlineSearch();
    for (const chunk of chunks) search.find(chunk, 0, chunk.length);
  });
}
await bench.run();
for (const { name, result } of bench.tasks) {
  if (!('latency' in result)) continue;
  const milliseconds = result.latency.p50;
  const speed = name.startsWith('4 MiB')
    ? `${Math.round(4000 / milliseconds)} MiB/s`
    : `${(milliseconds * 1000).toFixed(2)} µs`;
  console.log(`${speed.padStart(12)}  ${name}`);
}
