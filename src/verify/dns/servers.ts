// The recursive resolvers that are asked, and which of them have fallen silent.
import { getServers } from 'node:dns';
import { isIP } from 'node:net';

const DNS_PORT = 53;
/** Unanswered tries in a row after which a server is asked last. */
const DOUBTED_AFTER = 3;
/** Unanswered tries in a row after which a question is no longer sent again: if every server is so, DNS is dead. */
const SILENT_AFTER = 10;
/** A server that is asked last is tried first once in this time, to notice that it is back. */
const RETRY_MILLISECONDS = 10_000;

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** One server, with what became of the last tries. */
export interface Server extends ServerAddress {
  /** `address:port`, for a log. */
  readonly label: string;
}

/** `address`, `address:port`, `[IPv6]` or `[IPv6]:port`; the default port is 53. `undefined`: none of these. */
export function parseServer(text: string): ServerAddress | undefined {
  if (isIP(text) !== 0) return { host: text, port: DNS_PORT };
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:]+))(?::(?<port>[1-9]\d{0,4}))?$/.exec(text);
  const { v4, v6, port = String(DNS_PORT) } = match?.groups ?? {};
  const host = v4 ?? v6 ?? '';
  if (isIP(host) !== (v6 === undefined ? 4 : 6) || Number(port) > 65_535) return undefined;
  return { host, port: Number(port) };
}

/** What the system is configured with: /etc/resolv.conf, on Linux. */
export function systemServers(): readonly string[] {
  return getServers();
}

interface State extends Server {
  /** Tries without an answer since the last one. */
  unanswered: number;
  triedAt: number;
}

export class ServerList {
  readonly #servers: readonly State[];

  constructor(servers: readonly ServerAddress[]) {
    this.#servers = servers.map(({ host, port }) => ({
      host,
      port,
      label: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
      unanswered: 0,
      triedAt: 0,
    }));
  }

  /** The servers in the order in which one question asks them. */
  order(now: number): readonly Server[] {
    if (this.#servers.length < 2) return this.#servers;
    const due = this.#servers.filter(
      (each) => each.unanswered < DOUBTED_AFTER || now - each.triedAt >= RETRY_MILLISECONDS,
    );
    const doubted = this.#servers
      .filter((each) => !due.includes(each))
      .toSorted((a, b) => a.triedAt - b.triedAt);
    return [...due, ...doubted];
  }

  /** No server answers anything: a question is sent once, not again and again. */
  get areSilent(): boolean {
    return this.#servers.every(({ unanswered }) => unanswered >= SILENT_AFTER);
  }

  tried(server: Server, now: number): void {
    this.#state(server).triedAt = now;
  }

  answered(server: Server): void {
    this.#state(server).unanswered = 0;
  }

  unanswered(server: Server): void {
    this.#state(server).unanswered += 1;
  }

  #state(server: Server): State {
    return server as State;
  }
}
