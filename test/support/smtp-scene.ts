// A client in the middle of a session, on each kind of listener.
import type { ServerOptions, SmtpServer } from '../../src/server/index.ts';
import { makeCertificate } from './certificates.ts';
import type { EventLog } from './events.ts';
import { TestClient } from './smtp-client.ts';
import { startServer } from './smtp-server.ts';

export interface Scene {
  readonly client: TestClient;
  readonly server: SmtpServer;
  readonly log: EventLog;
}

/** The commands of a transaction, up to its one recipient. */
export const ENVELOPE = [
  'EHLO client.example',
  'MAIL FROM:<a@example.com>',
  'RCPT TO:<b@example.com>',
] as const;

/** Listeners without TLS (`mx`), with STARTTLS (`submission`) and with implicit TLS (`smtps`), AUTH on each. */
export async function everyListener(): Promise<ServerOptions> {
  const listener = {
    host: '127.0.0.1',
    port: 0,
    auth: 'optional',
    allowInsecureAuth: true,
  } as const;
  return {
    tls: { certificates: [await makeCertificate()] },
    listeners: [
      { ...listener, name: 'mx' },
      { ...listener, name: 'submission', tls: 'starttls' },
      { ...listener, name: 'smtps', tls: 'implicit' },
    ],
  };
}

/** A client of that listener that was greeted and said these lines, each with its reply. */
export async function startScene(
  listener: 'mx' | 'submission' | 'smtps',
  lines: readonly string[],
  prepare: (server: SmtpServer) => void = (server) => void server.onMail(() => {}),
  options: ServerOptions = {},
): Promise<Scene> {
  const { server, portOf, log } = await startServer(
    { ...(await everyListener()), ...options },
    (created) => {
      created.onSignIn(() => true);
      prepare(created);
    },
  );
  const port = portOf(listener);
  const client =
    listener === 'smtps' ? await TestClient.connectTls(port) : await TestClient.connect(port);
  await client.reply();
  await client.sayAll(...lines);
  return { client, server, log };
}

/** A hook whose answer the server waits for until the test releases it. */
export function makeHeldHook(): {
  readonly asked: Promise<void>;
  readonly hook: () => Promise<void>;
  readonly release: () => void;
} {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  return {
    asked: asked.promise,
    hook: async () => {
      asked.resolve();
      await released.promise;
    },
    release: released.resolve,
  };
}
