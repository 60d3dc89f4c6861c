// The replies that depend on nothing but the options of a listener, rendered once for all its sessions: the greeting, the
// farewells and, while its lines are the same, the reply to EHLO.
import { renderFarewell, renderReply } from './render-reply.ts';
import { ehloReply, type Farewell, farewells, greeting } from './replies.ts';
import type { SessionOptions } from './session-options.ts';

const byOptions = new WeakMap<SessionOptions, FixedReplies>();

export class FixedReplies {
  readonly greeting: string;
  readonly #hostname: string;
  readonly #farewells = new Map<Farewell, string>();
  #ehloLines: readonly string[] = [];
  #ehlo = '';

  static of(options: SessionOptions): FixedReplies {
    let replies = byOptions.get(options);
    if (replies === undefined) byOptions.set(options, (replies = new FixedReplies(options)));
    return replies;
  }

  private constructor(options: SessionOptions) {
    this.greeting = renderReply(greeting(options));
    this.#hostname = options.hostname;
  }

  farewell(rule: Farewell): string {
    let text = this.#farewells.get(rule);
    if (text === undefined) {
      text = renderFarewell(farewells[rule], this.#hostname);
      this.#farewells.set(rule, text);
    }
    return text;
  }

  /** Most sessions of a listener are offered the same: the last reply is kept. */
  ehlo(lines: readonly string[]): string {
    const last = this.#ehloLines;
    if (lines.length !== last.length || lines.some((line, at) => line !== last[at])) {
      this.#ehloLines = lines;
      this.#ehlo = renderReply(ehloReply(lines));
    }
    return this.#ehlo;
  }
}
