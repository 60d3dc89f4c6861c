// A client that asks a server questions: one line at a time, every wait with a limit, and no message.
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

export interface Reply {
  readonly kind: 'reply';
  readonly code: number;
  /** The text of each line, without the code. */
  readonly lines: readonly string[];
}

/** No reply: the connection was refused, ended or silent, or the server spoke something else. */
export interface Silence {
  readonly kind: 'silence';
  readonly reason: string;
}

export type Heard = Reply | Silence;

export interface ConnectionOptions {
  readonly address: string;
  readonly port: number;
  readonly timeoutMillis: number;
  /** Ends the connection. */
  readonly signal: AbortSignal;
}

export interface TlsOptions {
  /** The name that is asked for; an address asks for none. */
  readonly host: string;
  /** Certificates of CAs; default: those that Node.js trusts. */
  readonly authorities?: readonly string[];
}

/** Far more than any reply (RFC 5321 section 4.5.3.1.5 has 512 octets a line). */
const MAX_REPLY_CHARACTERS = 65_536;
const REPLY = /^(?:\d{3}-[^\r\n]*\r?\n)*\d{3}(?: [^\r\n]*)?\r?\n/;

export class SmtpConnection {
  #socket: Socket;
  #stopListening: () => void;
  #text = '';
  #ended: string | undefined;
  #wake: (() => void) | undefined;
  readonly #timeoutMillis: number;

  private constructor(socket: Socket, { timeoutMillis, signal }: ConnectionOptions) {
    this.#timeoutMillis = timeoutMillis;
    this.#socket = socket;
    this.#stopListening = this.#listen(socket);
    signal.addEventListener('abort', () => this.#socket.destroy(), { once: true });
  }

  /** Connects; `Silence` says why there is no connection. */
  static open(options: ConnectionOptions): Promise<SmtpConnection | Silence> {
    const { address, port, timeoutMillis, signal } = options;
    return new Promise((resolve) => {
      const socket = connect({ host: address, port, signal });
      const fail = (reason: string): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(silence(reason));
      };
      const timer = setTimeout(
        () => fail(`no answer within ${timeoutMillis / 1000} s`),
        timeoutMillis,
      );
      const refuse = (error: NodeJS.ErrnoException): void => fail(error.code ?? error.message);
      socket.once('error', refuse);
      socket.once('connect', () => {
        clearTimeout(timer);
        const connection = new SmtpConnection(socket, options);
        socket.off('error', refuse);
        resolve(connection);
      });
    });
  }

  /** The next whole reply. */
  async reply(): Promise<Heard> {
    const until = performance.now() + this.#timeoutMillis;
    for (;;) {
      const match = REPLY.exec(this.#text);
      if (match) {
        this.#text = this.#text.slice(match[0].length);
        return parseReply(match[0]);
      }
      if (/^(?!\d{0,2}$|\d{3})/.test(this.#text) && this.#text !== '') {
        return silence(`it does not speak SMTP: ${JSON.stringify(this.#text.slice(0, 40))}`);
      }
      if (this.#text.length > MAX_REPLY_CHARACTERS) return silence('a reply without an end');
      if (this.#ended !== undefined) return silence(this.#ended);
      const rest = until - performance.now();
      if (rest <= 0) return silence(`no reply within ${this.#timeoutMillis / 1000} s`);
      await this.#wait(rest);
    }
  }

  /** Sends one line and takes its reply. */
  say(line: string): Promise<Heard> {
    this.#socket.write(`${line}\r\n`);
    return this.reply();
  }

  /** Sends octets as they are: the message of a mail that is sent in full. */
  write(text: string): void {
    this.#socket.write(text);
  }

  /** Begins TLS, on whatever certificate: the caller judges it. */
  secure({ host, authorities }: TlsOptions): Promise<TLSSocket | Silence> {
    const plain = this.#socket;
    this.#stopListening();
    // What came before the handshake is not protected by it (RFC 3207 section 4.2).
    this.#text = '';
    return new Promise((resolve) => {
      const socket = connectTls({
        socket: plain,
        rejectUnauthorized: false,
        ...(isIP(host) === 0 && { servername: host }),
        ...(authorities && { ca: [...authorities] }),
      });
      const fail = (reason: string): void => {
        clearTimeout(timer);
        socket.destroy();
        plain.destroy();
        resolve(silence(reason));
      };
      const timer = setTimeout(
        () => fail(`no TLS handshake within ${this.#timeoutMillis / 1000} s`),
        this.#timeoutMillis,
      );
      const refuse = (error: NodeJS.ErrnoException): void => fail(error.code ?? error.message);
      const close = (): void => fail('the connection ended in the TLS handshake');
      plain.on('error', refuse);
      socket.once('error', refuse).once('close', close);
      socket.once('secureConnect', () => {
        clearTimeout(timer);
        socket.off('error', refuse).off('close', close);
        this.#socket = socket;
        this.#stopListening = this.#listen(socket);
        resolve(socket);
      });
    });
  }

  /** Says QUIT where it still can, and lets go. */
  close(): void {
    const socket = this.#socket;
    if (!socket.destroyed) socket.end('QUIT\r\n');
    // A server that does not close keeps no process from its end.
    const timer = setTimeout(() => socket.destroy(), 1000);
    socket.once('close', () => clearTimeout(timer));
  }

  /** Returns what ends it. */
  #listen(socket: Socket): () => void {
    const end = (reason: string): void => {
      this.#ended ??= reason;
      this.#wake?.();
    };
    const take = (chunk: Buffer): void => {
      this.#text += chunk.toString('latin1');
      this.#wake?.();
    };
    const fail = (error: NodeJS.ErrnoException): void => end(error.code ?? error.message);
    const close = (): void => end('the connection ended');
    socket.on('data', take).on('error', fail).on('close', close).on('end', close);
    return () => {
      socket.off('data', take).off('error', fail).off('close', close).off('end', close);
    };
  }

  #wait(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, millis);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function parseReply(text: string): Reply {
  const lines = text.trimEnd().split(/\r?\n/);
  return {
    kind: 'reply',
    code: Number(text.slice(0, 3)),
    lines: lines.map((line) => line.slice(4)),
  };
}

function silence(reason: string): Silence {
  return { kind: 'silence', reason };
}

/** `550 5.1.1 No such recipient here`, or why there is no reply. */
export function heardText(heard: Heard): string {
  return heard.kind === 'silence' ? heard.reason : `${heard.code} ${heard.lines.join(' ')}`;
}

export function isPositive(heard: Heard): boolean {
  return heard.kind === 'reply' && heard.code >= 200 && heard.code < 300;
}
