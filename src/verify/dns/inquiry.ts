// One question, asked of one server after the other until one answers it.
import { Exchange, type Outcome } from './exchange.ts';
import type { Question } from './message.ts';
import { type Finding, readAnswer } from './read-answer.ts';
import type { FailureReason, RecordType } from './resolver.ts';
import type { Server, ServerList } from './servers.ts';

/** The wait for an answer before the next try; doubled with each round over the servers. */
const FIRST_WAIT_MILLISECONDS = 800;
const MOST_TRIES = 6;
const LEAST_TRIES = 3;

export interface InquiryResult extends Finding {
  /** Questions sent. */
  readonly tries: number;
}

export interface InquiryOptions {
  readonly question: Question;
  readonly type: RecordType;
  readonly servers: ServerList;
  readonly timeoutMillis: number;
  readonly settle: (result: InquiryResult) => void;
  /** Called for each message that is not the answer to this question. */
  readonly foreign: (server: Server) => void;
}

/**
 * Under way until `settle` is called, at the latest after `timeoutMillis`, or `abort`. An earlier try may still be answered
 * when a later one is under way. A server that fails is not asked again; one that is silent is.
 */
export class Inquiry {
  readonly #options: InquiryOptions;
  readonly #order: readonly Server[];
  readonly #most: number;
  readonly #exchanges = new Map<Exchange, Server>();
  /** Servers that are not asked again. */
  readonly #failed = new Set<Server>();
  /** What a server that answered failed with. */
  #reason: FailureReason | undefined;
  readonly #timeout: NodeJS.Timeout;
  #next: NodeJS.Timeout | undefined;
  #tries = 0;

  constructor(options: InquiryOptions) {
    this.#options = options;
    this.#order = options.servers.order(performance.now());
    this.#most = Math.min(Math.max(LEAST_TRIES, 2 * this.#order.length), MOST_TRIES);
    this.#timeout = setTimeout(() => this.#fail('timeout'), options.timeoutMillis);
    this.#try();
  }

  abort(): void {
    clearTimeout(this.#timeout);
    clearTimeout(this.#next);
    for (const exchange of this.#exchanges.keys()) exchange.abort();
    this.#exchanges.clear();
  }

  #try(): void {
    clearTimeout(this.#next);
    const { servers, question, foreign } = this.#options;
    const server = this.#nextServer();
    const round = Math.floor(this.#tries / this.#order.length);
    this.#tries += 1;
    servers.tried(server, performance.now());
    const exchange: Exchange = new Exchange(
      question,
      server,
      (outcome) => {
        this.#exchanges.delete(exchange);
        this.#take(server, outcome);
      },
      () => foreign(server),
    );
    this.#exchanges.set(exchange, server);
    this.#next = setTimeout(
      () => {
        if (this.#exchanges.has(exchange)) servers.unanswered(server);
        this.#tryOnceMore();
      },
      FIRST_WAIT_MILLISECONDS * 2 ** round,
    );
  }

  #tryOnceMore(): void {
    if (this.#tries < this.#most && !this.#options.servers.areSilent) this.#try();
    else if (this.#exchanges.size === 0) this.#fail('unreachable');
  }

  /** The servers in turn, without those that have failed in this round. */
  #nextServer(): Server {
    const turn = this.#tries % this.#order.length;
    const inTurn = [...this.#order.slice(turn), ...this.#order.slice(0, turn)];
    const server = inTurn.find((each) => !this.#failed.has(each)) ?? inTurn[0];
    if (server === undefined) throw new RangeError('expected at least one DNS server');
    return server;
  }

  #take(server: Server, outcome: Outcome): void {
    const { servers, question, type, settle } = this.#options;
    this.#failed.add(server);
    if (outcome.kind === 'response') {
      servers.answered(server);
      const finding = readAnswer(outcome.response, question, type);
      if (finding.answer.kind !== 'failed') {
        this.abort();
        settle({ ...finding, tries: this.#tries });
        return;
      }
      this.#reason = finding.answer.reason;
    } else {
      // Of a server that cannot be reached it is not known whether it would have failed too.
      if (outcome.reason === 'unreachable') servers.unanswered(server);
      else this.#reason = outcome.reason;
    }
    const asked = new Set(this.#exchanges.values());
    const isAnyLeft = this.#order.some((each) => !this.#failed.has(each) && !asked.has(each));
    if (isAnyLeft && this.#tries < this.#most) this.#try();
    else if (this.#failed.size === this.#order.length) this.#endRound();
  }

  /** Every server has failed. One where nothing listens may be starting: it is asked again, after the wait. */
  #endRound(): void {
    if (this.#reason !== undefined || this.#tries >= this.#most) this.#fail('unreachable');
    else this.#failed.clear();
  }

  /** `reason`: where no server has given another one. */
  #fail(reason: FailureReason): void {
    this.abort();
    this.#options.settle({
      answer: { kind: 'failed', reason: this.#reason ?? reason },
      ttlSeconds: 0,
      tries: this.#tries,
    });
  }
}
