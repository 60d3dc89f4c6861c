// The mails of a test server, and those who wait for one.
import { MailTimeoutError } from './errors.ts';
import { isMeant, type MailFilter, renderFilter, renderMail, type TestMail } from './test-mail.ts';

const SHOWN_MAILS = 10;

interface Waiting {
  readonly filter: MailFilter;
  readonly take: (mail: TestMail) => void;
  readonly fail: (why: string) => void;
}

export class Mailbox {
  readonly #mails: TestMail[] = [];
  readonly #given = new Set<TestMail>();
  readonly #waiting = new Set<Waiting>();

  get mails(): readonly TestMail[] {
    return this.#mails;
  }

  add(mail: TestMail): void {
    this.#mails.push(mail);
    for (const waiting of this.#waiting) {
      if (!isMeant(mail, waiting.filter)) continue;
      this.#waiting.delete(waiting);
      waiting.take(mail);
      return;
    }
  }

  /** The first mail that matches and was not returned before; waits for it if it has not arrived. */
  async next(filter: MailFilter, timeoutSeconds: number): Promise<TestMail> {
    const there = this.#mails.find((each) => !this.#given.has(each) && isMeant(each, filter));
    if (there) {
      this.#given.add(there);
      return there;
    }
    return new Promise((resolve, reject) => {
      // Made here, so that its stack names the test.
      const error = new MailTimeoutError();
      const timer = setTimeout(
        () => waiting.fail(`within ${timeoutSeconds} s`),
        timeoutSeconds * 1000,
      );
      const waiting: Waiting = {
        filter,
        take: (mail) => {
          clearTimeout(timer);
          this.#given.add(mail);
          resolve(mail);
        },
        fail: (why) => {
          clearTimeout(timer);
          this.#waiting.delete(waiting);
          error.message = `expected ${renderFilter(filter)} ${why}, got ${this.#rendered()}`;
          reject(error);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  clear(): void {
    this.#mails.length = 0;
    this.#given.clear();
  }

  /** No mail will come any more. */
  end(): void {
    for (const waiting of this.#waiting) waiting.fail('before the server was closed');
  }

  #rendered(): string {
    const count = this.#mails.length;
    if (count === 0) return 'none';
    const shown = this.#mails.slice(0, SHOWN_MAILS).map((each) => `\n  ${renderMail(each)}`);
    const more = count > SHOWN_MAILS ? `\n  and ${count - SHOWN_MAILS} more` : '';
    return `${count === 1 ? 'one' : count}:${shown.join('')}${more}`;
  }
}
