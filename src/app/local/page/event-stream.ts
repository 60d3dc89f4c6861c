// Server-sent events for the pages that are open. What happens within a tenth of a second is one event.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { ServerResponse } from 'node:http';
import type { MailSummary, PageEvents } from './shapes.ts';

const PAUSE_MILLIS = 100;
/** Keeps the connection open, and finds the ones that are gone. */
const PING_MILLIS = 25_000;
/** A page that reads nothing is let go; it connects again, and reads everything anew. */
const MAX_UNSENT_OCTETS = 4 * 1024 * 1024;

export class EventStream {
  readonly #pages = new Set<ServerResponse>();
  readonly #ping: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  readonly #mails = new Map<string, MailSummary>();
  readonly #removed = new Set<string>();
  #isCleared = false;
  readonly #sessions = new Set<string>();
  readonly #lists: {
    refusals: PageEvents['refusals'][number][];
    handler: PageEvents['handler'][number][];
  } = {
    refusals: [],
    handler: [],
  };

  constructor() {
    this.#ping = setInterval(() => this.#write(': ping\n\n'), PING_MILLIS);
    this.#ping.unref();
  }

  get hasPages(): boolean {
    return this.#pages.size > 0;
  }

  add(response: ServerResponse, onClose: () => void): void {
    this.#pages.add(response);
    response.once('close', () => {
      this.#pages.delete(response);
      onClose();
    });
    response.write('retry: 1000\n\nevent: hello\ndata: {}\n\n');
  }

  mail(summary: MailSummary): void {
    if (!this.hasPages) return;
    this.#mails.set(summary.id, summary);
    this.#schedule();
  }

  removed(id: string): void {
    if (!this.hasPages) return;
    this.#mails.delete(id);
    this.#removed.add(id);
    this.#schedule();
  }

  cleared(): void {
    if (!this.hasPages) return;
    this.#mails.clear();
    this.#isCleared = true;
    this.#schedule();
  }

  session(id: string): void {
    if (!this.hasPages) return;
    this.#sessions.add(id);
    this.#schedule();
  }

  refusal(refusal: PageEvents['refusals'][number]): void {
    if (!this.hasPages) return;
    this.#lists.refusals.push(refusal);
    this.#schedule();
  }

  handler(result: PageEvents['handler'][number]): void {
    if (!this.hasPages) return;
    this.#lists.handler.push(result);
    this.#schedule();
  }

  close(): void {
    clearInterval(this.#ping);
    clearTimeout(this.#timer);
    for (const page of this.#pages) page.end();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, PAUSE_MILLIS);
  }

  #flush(): void {
    const { refusals, handler } = this.#lists;
    let text = '';
    const add = <N extends keyof PageEvents>(name: N, data: PageEvents[N]): void => {
      // JSON has no line end of its own.
      text += `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
    };
    if (this.#isCleared) add('removed', null);
    else if (this.#removed.size > 0) add('removed', [...this.#removed]);
    if (this.#mails.size > 0) add('mails', [...this.#mails.values()]);
    if (this.#sessions.size > 0) add('sessions', [...this.#sessions].slice(-100));
    if (refusals.length > 0) add('refusals', refusals);
    if (handler.length > 0) add('handler', handler);
    this.#isCleared = false;
    this.#removed.clear();
    this.#mails.clear();
    this.#sessions.clear();
    this.#lists.refusals = [];
    this.#lists.handler = [];
    if (text !== '') this.#write(text);
  }

  #write(text: string): void {
    for (const page of this.#pages) {
      if (page.writableLength > MAX_UNSENT_OCTETS) page.destroy();
      else page.write(text);
    }
  }
}
