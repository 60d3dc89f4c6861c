// Servers for one test: on free ports of the loopback, ended after it, with all their events at hand.
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { type ServerOptions, SmtpServer } from '../../src/server/index.ts';
import { EventLog } from './events.ts';

export interface TestServer {
  readonly server: SmtpServer;
  /** Of the first listener. */
  readonly port: number;
  readonly log: EventLog;
  readonly portOf: (listener: string) => number;
}

/** Starts a server; without `prepare` it accepts every mail unread. */
export async function startServer(
  options: ServerOptions = {},
  prepare: (server: SmtpServer) => void = (server) => void server.onMail(() => {}),
): Promise<TestServer> {
  const log = new EventLog();
  const server = new SmtpServer({ observe: log.observe, ...options });
  onTestFinished(async () => void (await server.close({ drain: 0 })));
  prepare(server);
  await server.listen();
  const portOf = (name: string): number =>
    server.addresses.find(({ listener }) => listener === name)?.port ?? 0;
  return { server, port: server.addresses[0]?.port ?? 0, log, portOf };
}

/** A mail hook that keeps the octets of every mail, by recipient. */
export function makeKeeper(): { kept: Map<string, Buffer>; keep: (server: SmtpServer) => void } {
  const kept = new Map<string, Buffer>();
  const keep = (server: SmtpServer): void => {
    server.onMail(async ({ mail }) => {
      const octets = await buffer(mail.content);
      for (const { forwardPath } of mail.envelope.recipients) kept.set(forwardPath.address, octets);
    });
  };
  return { kept, keep };
}
