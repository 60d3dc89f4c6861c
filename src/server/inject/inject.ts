// A client in the process, for tests: says a script to a session without a socket, and keeps what it hears.
// Not by name: a Node.js that is too old has none, and is to be told so by the server.
import * as streams from 'node:stream';
import type { Duplex } from 'node:stream';
import type { TlsFacts } from '../../smtp/index.ts';
import type { HandedOver } from '../boundary/handover.ts';
import { LOCAL_ADDRESS } from '../transport.ts';
import {
  type InjectedCommand,
  type InjectedReply,
  ReplyReader,
  type Transcript,
} from './transcript.ts';

/**
 * What a client says. A text or an array of commands, one after another, each after the reply to the one before; behind a `354` the lines up
 * to a single dot, or to the end, are one message. Line ends are CRLF, or LF, which becomes CRLF. Octets are sent as they are and at once, and then
 * the client's side is closed.
 */
export type InjectedScript = string | readonly string[] | Uint8Array;

/** What a session counts as secured with on a listener with implicit TLS. */
const INJECTED_TLS: TlsFacts = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };

/** A listener, as far as it takes streams. */
interface Taking {
  readonly options: { readonly tls: string };
  take(stream: Duplex, about: HandedOver): void;
}

/** Says the script to a session of the listener. */
export async function inject(
  script: InjectedScript,
  listener: Taking,
  about: HandedOver,
  isTaken: () => boolean,
): Promise<Transcript> {
  const isSecured = listener.options.tls === 'implicit';
  const known = isSecured ? { tls: INJECTED_TLS, ...about } : about;
  return converse(script, (stream) => {
    if (isTaken()) listener.take(stream, { clientAddress: LOCAL_ADDRESS, ...known });
    else stream.destroy();
  });
}

/** Speaks to a session at the other end of a stream, which `connect` takes. */
async function converse(
  script: InjectedScript,
  connect: (stream: Duplex) => void,
): Promise<Transcript> {
  const [near, far] = streams.duplexPair();
  const client = new Client(near);
  const closed = new Promise<void>((resolve) => {
    far.once('close', () => {
      // What it said before is still on its way.
      setImmediate(() => client.end());
      resolve();
    });
  });
  connect(far);
  const greeting = await client.hear();
  const commands: InjectedCommand[] = [];
  if (script instanceof Uint8Array) client.say(Buffer.from(script));
  else {
    for (const command of new Commands(script)) {
      if (client.isEnded) break;
      client.say(`${command.text}\r\n`);
      const replies = await client.hear();
      commands.push({ command: command.text, replies });
      command.answered(replies);
    }
  }
  near.end();
  await client.rest();
  // The hooks have heard of the end.
  await closed;
  const [first] = greeting;
  return {
    ...(first && { greeting: first }),
    commands,
    replies: client.replies,
    text: client.text,
  };
}

class Client {
  readonly #stream: Duplex;
  readonly #reader = new ReplyReader();
  #wake: (() => void) | undefined;
  isEnded = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.setEncoding('latin1');
    stream.on('data', (text: string) => {
      this.#reader.push(text);
      this.#wake?.();
    });
    stream.on('end', () => this.end());
    // It was destroyed at the other end.
    stream.on('error', () => this.end());
  }

  end(): void {
    this.isEnded = true;
    this.#wake?.();
  }

  get text(): string {
    return this.#reader.text;
  }

  get replies(): readonly InjectedReply[] {
    return this.#reader.all;
  }

  say(octets: string | Buffer): void {
    this.#stream.write(octets);
  }

  /** The next replies; none if the session ends before. All that the server says to one command it says at once. */
  async hear(): Promise<readonly InjectedReply[]> {
    for (;;) {
      const replies = this.#reader.take();
      if (replies.length > 0 || this.isEnded) return replies;
      await this.#something();
    }
  }

  async rest(): Promise<void> {
    while (!this.isEnded) await this.#something();
    this.#reader.take();
  }

  async #something(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

interface Command {
  readonly text: string;
  /** A 354 makes the lines that follow a message. */
  answered(replies: readonly InjectedReply[]): void;
}

/** The commands of a script, whose lines are put together where they are a message or a chunk. */
class Commands implements Iterable<Command> {
  readonly #parts: readonly string[];

  constructor(script: string | readonly string[]) {
    const parts = typeof script === 'string' ? linesOf(script) : script;
    this.#parts = parts.map((part) => part.replaceAll(/\r?\n/g, '\r\n'));
  }

  *[Symbol.iterator](): Generator<Command, undefined> {
    let isMessage = false;
    const answered = (replies: readonly InjectedReply[]): void => {
      isMessage = replies.at(-1)?.code === 354;
    };
    for (let index = 0; index < this.#parts.length; index++) {
      let text = this.#parts[index] ?? '';
      while (isMessage && !isWholeMessage(text) && index + 1 < this.#parts.length) {
        text += `\r\n${this.#parts[++index] ?? ''}`;
      }
      if (isMessage && !isWholeMessage(text)) text += text.endsWith('\r\n') ? '.' : '\r\n.';
      yield { text: isMessage ? text : text.replace(/\r\n$/, ''), answered };
    }
  }
}

function linesOf(script: string): string[] {
  const lines = script.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function isWholeMessage(text: string): boolean {
  return text === '.' || text.endsWith('\r\n.');
}
