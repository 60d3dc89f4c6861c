// A client that says exactly what a test tells it, over a real socket, and reads reply by reply.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, TLSSocket } from 'node:tls';

export class TestClient {
  #socket: Socket;
  #text = '';
  #isEnded = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  static async connect(
    port: number,
    host = '127.0.0.1',
    localAddress?: string,
  ): Promise<TestClient> {
    const local = localAddress === undefined ? {} : { localAddress };
    const socket = connect({ port, host, allowHalfOpen: true, ...local });
    const client = new TestClient(socket);
    await once(socket, 'connect');
    return client;
  }

  static async connectTls(port: number, options: ConnectionOptions = {}): Promise<TestClient> {
    const plain = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const socket = connectTls({ socket: plain, rejectUnauthorized: false, ...options });
    const client = new TestClient(socket);
    await once(socket, 'secureConnect');
    return client;
  }

  get socket(): Socket {
    return this.#socket;
  }

  get tlsSocket(): TLSSocket {
    if (this.#socket instanceof TLSSocket) return this.#socket;
    throw new Error('the connection is in the clear');
  }

  /** Everything that came and was not read yet. */
  get unread(): string {
    return this.#text;
  }

  send(text: string | Buffer): this {
    this.#socket.write(text);
    return this;
  }

  /** The next whole reply, lines joined by \n; rejects where the connection ends before it. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(this.#text);
      if (match) {
        this.#text = this.#text.slice(match[0].length);
        return match[0].trimEnd().replaceAll('\r\n', '\n');
      }
      if (this.#isEnded) throw new Error(`no whole reply came, only ${JSON.stringify(this.#text)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next so many octets; fewer where the connection ends before them. */
  async octets(count: number): Promise<string> {
    while (this.#text.length < count && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const text = this.#text.slice(0, count);
    this.#text = this.#text.slice(count);
    return text;
  }

  /** Sends one line and gives its reply. */
  async say(line: string): Promise<string> {
    return this.send(`${line}\r\n`).reply();
  }

  /** Says each line; gives the codes of the replies. */
  async sayAll(...lines: readonly string[]): Promise<string> {
    const codes: string[] = [];
    for (const line of lines) codes.push((await this.say(line)).slice(0, 3));
    return codes.join(' ');
  }

  /** Greeting, EHLO, MAIL, RCPT and DATA: the message may come. */
  async openMessage(recipient = 'b@example.com'): Promise<this> {
    await this.reply();
    await this.sayAll('EHLO client.example', 'MAIL FROM:<a@example.com>', `RCPT TO:<${recipient}>`);
    const reply = await this.say('DATA');
    if (!reply.startsWith('354')) throw new Error(`expected 354, got ${reply}`);
    return this;
  }

  /** STARTTLS, and the handshake on the same connection. */
  async startTls(options: ConnectionOptions = {}): Promise<TLSSocket> {
    const reply = await this.say('STARTTLS');
    if (!reply.startsWith('220')) throw new Error(`expected 220, got ${reply}`);
    return this.secure(options);
  }

  async secure(options: ConnectionOptions = {}): Promise<TLSSocket> {
    const plain = this.#socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('end');
    const secured = connectTls({ socket: plain, rejectUnauthorized: false, ...options });
    this.#socket = secured;
    this.#listen(secured);
    await once(secured, 'secureConnect');
    return secured;
  }

  /** Closes this side only. */
  endOutput(): this {
    this.#socket.end();
    return this;
  }

  /** Breaks the connection off: RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Everything that comes until the server closes. */
  async rest(): Promise<string> {
    while (!this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const text = this.#text;
    this.#text = '';
    this.#socket.destroy();
    return text;
  }

  get error(): Error | undefined {
    return this.#error;
  }

  #listen(socket: Socket): void {
    const isMine = (): boolean => this.#socket === socket;
    const over = (): void => {
      if (!isMine()) return;
      this.#isEnded = true;
      this.#wake?.();
    };
    socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1');
      this.#wake?.();
    });
    socket.on('end', over);
    socket.on('close', over);
    socket.on('error', (error) => {
      this.#error = error;
    });
  }
}
