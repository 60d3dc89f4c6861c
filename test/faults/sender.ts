// A sender as a mail server is one: it keeps a mail until it hears 250 for it.
import { createHash, randomBytes } from 'node:crypto';
import { TestClient } from '../support/smtp-client.ts';

/** A mail that was answered 250. Its octets are not kept: a long campaign has many. */
export interface Acknowledged {
  readonly messageId: string;
  readonly octets: number;
  readonly sha256: string;
}

/** The mail of a 250; `undefined` for any other reply. */
export function acknowledgement(reply: string, message: Buffer): Acknowledged | undefined {
  const messageId = /^250 2\.0\.0 Ok: queued as ([0-9a-v]{40})$/.exec(reply)?.[1];
  return messageId === undefined
    ? undefined
    : { messageId, octets: message.length, sha256: sha256(message) };
}

export function sha256(octets: Buffer): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** Mostly small, some of a few hundred KB, a few that go up in parts; those not without end, for the memory's sake. */
export function makeMessage(number: number): Buffer {
  let octets = 2000;
  if (number <= 2000 && number % 11 === 0) octets = 300_000;
  if (number <= 2000 && number % 97 === 0) octets = 9_000_000;
  const line = `${randomBytes(24).toString('hex')}\r\n`;
  return Buffer.from(
    `From: ann@d${number}.example\r\nSubject: campaign ${number}\r\n\r\n${line.repeat(Math.ceil(octets / line.length))}`,
  );
}

/** Sends one mail after the other, on one connection as long as it lasts or each on its own. */
export class Sender {
  readonly #port: number;
  readonly #keepsConnection: boolean;
  readonly #recipients: readonly string[];
  #client: TestClient | undefined;

  constructor(
    port: number,
    keepsConnection = true,
    recipients: readonly string[] = ['b@in.example'],
  ) {
    this.#port = port;
    this.#recipients = recipients;
    this.#keepsConnection = keepsConnection;
  }

  /** The reply that decided: to the end of the data, or the first that was not what was hoped for. */
  async attempt(message: Buffer): Promise<string> {
    let isOver = true;
    try {
      const reply = await this.#transaction(message);
      isOver = reply.startsWith('421') || !this.#keepsConnection;
      return reply;
    } finally {
      if (isOver) this.close();
    }
  }

  close(): void {
    this.#client?.destroy();
    this.#client = undefined;
  }

  async #transaction(message: Buffer): Promise<string> {
    let client = this.#client;
    if (client === undefined) {
      client = await TestClient.connect(this.#port);
      this.#client = client;
      const greeting = await client.reply();
      if (!greeting.startsWith('220')) return greeting;
      await client.say('EHLO client.example');
    }
    const recipients = this.#recipients.map((address) => `RCPT TO:<${address}>`);
    for (const line of ['MAIL FROM:<a@sender.example>', ...recipients, 'DATA']) {
      const reply = await client.say(line);
      if (!/^[23]/.test(reply)) return reply;
    }
    client.send(message);
    return client.send('.\r\n').reply();
  }
}
