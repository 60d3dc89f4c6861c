// What `accept` and `inject` may be given: a stream of octets that nobody reads as text, and what is known of its client.
import { isIP } from 'node:net';
import { Duplex } from 'node:stream';
import type { TlsFacts } from '../../smtp/index.ts';
import { type Check, checkAll, record, text, value } from './checks.ts';
import { describe } from './show.ts';

/**
 * What is known of a connection that is handed over.
 *
 * @example
 * server.accept('mx', stream, { clientAddress: '192.0.2.7', clientPort: 40_000 });
 */
export interface HandedOver {
  /**
   * Default: that of the socket, or `127.0.0.1` where it has none, as a Unix socket and other streams. With it no PROXY header is
   * read on a listener with `clientAddress: 'proxy'`.
   */
  readonly clientAddress?: string;
  /** Default: that of the socket, or 0. */
  readonly clientPort?: number;
  /** The TLS that was ended in front of the stream: the session counts as secured. A `TLSSocket` need not say so. */
  readonly tls?: TlsFacts;
}

/** How to `inject`: through which listener, and as whom. */
export interface InjectOptions extends HandedOver {
  /** Its name. Default: the first. */
  readonly listener?: string;
}

const stream: Check = (given, path, problems) => {
  const refuse = (expected: string, got: string): void => {
    problems.push({ path, expected, got });
  };
  if (!(given instanceof Duplex)) refuse('a socket or another Duplex', describe(given));
  else if (given.readableObjectMode || given.writableObjectMode) {
    refuse('a stream of octets', 'one in object mode');
  } else if (given.readableEncoding !== null) {
    refuse('a stream without setEncoding', `one that reads as ${given.readableEncoding}`);
  }
};

const required = text('text', (given) => given !== '');
const factChecks = {
  clientAddress: text('an IP address', (given) => isIP(given) !== 0),
  clientPort: value(
    'a port from 0 to 65535',
    (given) => Number.isInteger(given) && Number(given) >= 0 && Number(given) <= 65_535,
  ),
  tls: record(
    {
      version: required,
      cipher: required,
      serverName: required,
      clientCertificate: record({ subject: required, fingerprint256: required }),
    },
    ['version', 'cipher'],
  ),
} satisfies Readonly<Record<keyof HandedOver, Check>>;
const facts = record(factChecks);
const injection = record({
  ...factChecks,
  listener: required,
} satisfies Readonly<Record<keyof InjectOptions, Check>>);
const script = value(
  'a text, an array of texts, or octets',
  (given) =>
    typeof given === 'string' ||
    given instanceof Uint8Array ||
    (Array.isArray(given) && given.every((each) => typeof each === 'string')),
);

/** Throws one `OptionsError` for all mistakes. */
export function requireHandover(given: unknown, about: unknown): asserts given is Duplex {
  checkAll('accept()', [
    ['stream', stream, given],
    ['facts', facts, about ?? {}],
  ]);
}

/** The same for `inject`. Gives the name of the listener, and the facts. */
export function requireInjection(
  given: unknown,
  options: InjectOptions,
): { listener: string | undefined; facts: HandedOver } {
  checkAll('inject()', [
    ['script', script, given],
    ['options', injection, options],
  ]);
  const { listener, ...facts } = options;
  return { listener, facts };
}
