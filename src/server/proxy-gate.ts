// In front of a connection on a listener behind a proxy: reads the PROXY header, which names the client. Until
// then nothing is sent, logged or counted: a bare TCP probe leaves no trace.
import { parseProxyHeader, type ProxyHeader } from '../net/proxy-header.ts';
import type { Clock, Watched } from './clock.ts';
import type { Transport } from './transport.ts';

/** The outcome. `silent`: closed before its header was whole, as a bare TCP probe is. */
export type GateOutcome =
  | { readonly kind: 'header'; readonly header: ProxyHeader }
  | { readonly kind: 'bad-proxy-header' | 'proxy-header-timeout' | 'silent' };

export class ProxyGate implements Watched {
  readonly #socket: Transport;
  readonly #clock: Clock;
  readonly #timeoutMilliseconds: number;
  readonly #done: (outcome: GateOutcome) => void;
  readonly #since: number;
  #octets: Buffer = Buffer.alloc(0);

  /** `done` is called once. The socket is then paused, and its next octet is the first after the header. */
  constructor(
    socket: Transport,
    clock: Clock,
    timeoutSeconds: number,
    done: (outcome: GateOutcome) => void,
  ) {
    this.#socket = socket;
    this.#clock = clock;
    this.#timeoutMilliseconds = timeoutSeconds * 1000;
    this.#done = done;
    this.#since = clock.now;
    socket.on('data', this.#take);
    socket.on('end', this.#end);
    socket.on('close', this.#end);
    socket.on('error', ignore);
    clock.watch(this);
  }

  check(now: number): void {
    if (now - this.#since > this.#timeoutMilliseconds) {
      this.#finish({ kind: 'proxy-header-timeout' });
    }
  }

  readonly #take = (chunk: Buffer): void => {
    // Bounded: the parser refuses a header over about 4 KiB.
    this.#octets = Buffer.concat([this.#octets, chunk]);
    const parsed = parseProxyHeader(this.#octets);
    if (parsed.kind === 'header') {
      this.#finish({ kind: 'header', header: parsed });
    } else if (parsed.kind === 'malformed') {
      this.#finish({ kind: 'bad-proxy-header' });
    }
  };

  readonly #end = (): void => this.#finish({ kind: 'silent' });

  #finish(outcome: GateOutcome): void {
    const socket = this.#socket;
    this.#clock.forget(this);
    socket.pause();
    socket.off('data', this.#take);
    socket.off('end', this.#end);
    socket.off('close', this.#end);
    if (outcome.kind === 'header') {
      socket.off('error', ignore);
      socket.unshift(this.#octets.subarray(outcome.header.length));
    }
    this.#done(outcome);
  }
}

function ignore(): void {}
