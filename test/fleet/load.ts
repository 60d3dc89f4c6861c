// Senders that keep each mail until it is taken, through the front port of a fleet.
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Acknowledged,
  acknowledgement,
  makeMessage,
  Sender,
  sha256,
} from '../faults/sender.ts';

const SENDERS = 16;
const RETRY_MILLIS = 50;
/** A session that hears nothing for so long is given up, as a mail server gives it up. */
const PATIENCE_MILLIS = 60_000;

export class Load {
  readonly acknowledged: Acknowledged[] = [];
  /** Replies that refused a mail for good; nothing that is the fleet's fault may. */
  readonly refusedForGood: string[] = [];
  /** The SHA-256 of every mail that a sender began to send. */
  readonly sent = new Set<string>();
  /** From the first try of a mail to its 250, at the most. */
  slowestMillis = 0;
  /** Tries that were not answered 250. */
  retries = 0;
  readonly #done: Promise<unknown>;
  #number = 0;
  #isEnding = false;

  constructor(port: number) {
    this.#done = Promise.all(
      // Half of them with a connection for each mail, as most of a public service's clients.
      Array.from({ length: SENDERS }, (_, index) => this.#run(new Sender(port, index % 2 === 0))),
    );
    // An error is reported by `end`.
    this.#done.catch(() => undefined);
  }

  /** Settles when so many more were answered 250, or after the time. */
  async more(count: number, limitMillis: number): Promise<boolean> {
    const target = this.acknowledged.length + count;
    const deadline = performance.now() + limitMillis;
    while (this.acknowledged.length < target && performance.now() < deadline) await pause(20);
    return this.acknowledged.length >= target;
  }

  /** No new mail; settles when each that was begun is taken or refused for good. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#done;
  }

  async #run(sender: Sender): Promise<void> {
    try {
      while (!this.#isEnding) {
        this.#number += 1;
        await this.#deliver(sender, makeMessage(this.#number));
      }
    } finally {
      sender.close();
    }
  }

  async #deliver(sender: Sender, message: Buffer): Promise<void> {
    const begun = performance.now();
    this.sent.add(sha256(message));
    for (;;) {
      const reply = await attempt(sender, message);
      const acknowledged = acknowledgement(reply, message);
      if (acknowledged !== undefined) {
        this.acknowledged.push(acknowledged);
        this.slowestMillis = Math.max(this.slowestMillis, performance.now() - begun);
        return;
      }
      if (reply.startsWith('5')) {
        this.refusedForGood.push(reply);
        return;
      }
      this.retries += 1;
      await pause(RETRY_MILLIS);
    }
  }
}

/** The reply that decided; `''` where the connection broke off or nothing came. */
async function attempt(sender: Sender, message: Buffer): Promise<string> {
  const giveUp = setTimeout(() => sender.close(), PATIENCE_MILLIS);
  try {
    return await sender.attempt(message);
  } catch {
    return '';
  } finally {
    clearTimeout(giveUp);
  }
}
