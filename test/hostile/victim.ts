// An honest client that sends one mail from a separate address, and what it saw.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

interface SendOptions {
  readonly port: number;
  /** A loopback address: each is another client to the server. */
  readonly address: string;
  /** Says SIZE. Default true. */
  readonly declares?: boolean;
  /** Over implicit TLS, and signs in first by this user name and password. */
  readonly signsIn?: readonly [username: string, password: string];
  /** Octets a second; as fast as it goes by default. */
  readonly rate?: number;
}

/** The message, or its size. */
export type MailOptions = SendOptions &
  ({ readonly octets: number } | { readonly message: Buffer });

export interface Outcome {
  /** The last reply, or the reason why there is none. */
  readonly reply: string;
  /** From the connection to the last reply. */
  readonly seconds: number;
}

const LINE = `${'0123456789abcdef'.repeat(4)}0123456789\r\n`;
const STEP_MILLISECONDS = 250;

function messageOf(octets: number): Buffer {
  const head = 'Subject: honest\r\n\r\n';
  return Buffer.from(head + LINE.repeat(Math.ceil((octets - head.length) / LINE.length)));
}

/** Connects, sends one mail and says QUIT. Never rejects. */
export async function sendMail(options: MailOptions): Promise<Outcome> {
  const { port, address, declares = true, rate, signsIn } = options;
  const message = 'message' in options ? options.message : messageOf(options.octets);
  const begun = performance.now();
  const tcp = connect({ port, host: '127.0.0.1', localAddress: address });
  tcp.on('error', () => undefined);
  const socket =
    signsIn === undefined ? tcp : connectTls({ socket: tcp, rejectUnauthorized: false });
  const secret = signsIn && Buffer.from(`\0${signsIn.join('\0')}`).toString('base64');
  const replies = readReplies(socket);
  const next = async (): Promise<string> => (await replies.next()).value ?? 'closed';
  const size = declares ? ` SIZE=${message.length}` : '';
  let reply: string;
  try {
    reply = await next();
    for (const command of [
      'EHLO victim.example',
      ...(secret === undefined ? [] : [`AUTH PLAIN ${secret}`]),
      `MAIL FROM:<v@victim.example>${size}`,
      'RCPT TO:<b@in.example>',
      'DATA',
    ]) {
      if (!reply.startsWith('2')) break;
      socket.write(`${command}\r\n`);
      reply = await next();
    }
    if (reply.startsWith('354')) {
      if (rate === undefined) socket.write(message);
      else await pace(socket, message, rate);
      socket.write('.\r\n');
      reply = await next();
    }
  } catch (error) {
    reply = (error as NodeJS.ErrnoException).code ?? 'lost';
  }
  const seconds = (performance.now() - begun) / 1000;
  socket.on('error', () => undefined);
  socket.end('QUIT\r\n');
  socket.destroySoon();
  return { reply, seconds };
}

/** Writes at the rate of the sender's line; a server that reads more slowly is waited for. */
async function pace(socket: Socket, message: Buffer, rate: number): Promise<void> {
  const step = Math.ceil((rate * STEP_MILLISECONDS) / 1000);
  for (let at = 0; at < message.length && !socket.destroyed; at += step) {
    const next = new Promise((resolve) => setTimeout(resolve, STEP_MILLISECONDS));
    if (!socket.write(message.subarray(at, at + step))) await drained(socket);
    await next;
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      socket.off('drain', over);
      socket.off('close', over);
      resolve();
    };
    socket.on('drain', over);
    socket.on('close', over);
  });
}

async function* readReplies(socket: Socket): AsyncGenerator<string, undefined> {
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line[3] === ' ') yield line;
    }
  }
  return undefined;
}

/** From the connection to the reply, beside two busy processes on a machine that has nothing else to do. */
const SOON_SECONDS = 5;
/** What an attack may cost where the machine is so busy that mail takes long without it. */
const SOON_FACTOR = 8;

/** The seconds within which mail must be answered during an attack, by what the same mail takes without one. */
export function soonAfter(withoutAttack: readonly Outcome[]): number {
  const slowestSeconds = Math.max(...withoutAttack.map(({ seconds }) => seconds));
  return Math.max(SOON_SECONDS, slowestSeconds * SOON_FACTOR);
}

/** Of all these, for the report of a test. */
export function slowest(outcomes: readonly Outcome[]): string {
  return `${Math.max(...outcomes.map(({ seconds }) => seconds)).toFixed(2)} s`;
}
