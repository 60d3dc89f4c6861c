// What smtp-source is for the clear, for TLS from the first octet (RFC 8314): sessions in parallel, one
// command at a time, one message after the other over one connection or a connection for each. The same
// version, cipher and group for every server, and no session is resumed.
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

const [port = '', sessionsText = '1', messagesText = '1', octetsText = '4096', mode = 'reused'] =
  process.argv.slice(2);
const isReused = mode === 'reused';
const tls: ConnectionOptions = {
  port: Number(port),
  host: '127.0.0.1',
  rejectUnauthorized: false,
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  ecdhCurve: 'X25519',
};

const LINE = `${'X'.repeat(78)}\r\n`;
const octets = Number(octetsText);
const body = LINE.repeat(Math.ceil(octets / LINE.length)).slice(0, octets - 2);
const message = Buffer.from(
  `From: <sender@bench.example>\r\nTo: <recipient@bench.example>\r\nMessage-Id: <1@bench.example>\r\n\r\n${body}\r\n.\r\n`,
);

let left = Number(messagesText);

async function run(): Promise<void> {
  while (left > 0) {
    const client = await Client.open();
    await client.say('EHLO client.bench.example\r\n', '250');
    do {
      if (left <= 0) break;
      left--;
      await client.say('MAIL FROM:<sender@bench.example>\r\n', '250');
      await client.say('RCPT TO:<recipient@bench.example>\r\n', '250');
      await client.say('DATA\r\n', '354');
      await client.say(message, '250');
    } while (isReused);
    await client.say('QUIT\r\n', '221');
    client.close();
  }
}

class Client {
  readonly #socket: TLSSocket;
  #received = '';
  #wake: () => void = () => {};
  #failure: Error | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#wake();
    });
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the server closed the connection')));
  }

  static async open(): Promise<Client> {
    const socket = connect(tls);
    const client = new Client(socket);
    await client.#reply('220');
    return client;
  }

  async say(text: string | Buffer, code: string): Promise<void> {
    this.#received = '';
    this.#socket.write(text);
    await this.#reply(code);
  }

  close(): void {
    this.#socket.end();
  }

  async #reply(code: string): Promise<void> {
    while (!/^\d{3} [^\n]*\n$/m.test(this.#received)) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (!this.#received.startsWith(code)) throw new Error(`${code} expected, ${this.#received}`);
  }

  #end(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}

await Promise.all(Array.from({ length: Number(sessionsText) }, run));
process.exit(0);
