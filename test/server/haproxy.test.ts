// Debian's HAProxy in front of a listener: its clients, and its health checks.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import type { ListenerOptions } from '../../src/server/index.ts';
import { makeCertificate } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { need } from '../support/programs.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

const HAPROXY = '/usr/sbin/haproxy';

const behindProxy = (tls: 'none' | 'implicit' = 'none'): ListenerOptions[] => [
  {
    ...{ name: 'mx', host: '127.0.0.1', port: 0, tls },
    ...{ clientAddress: 'proxy', trustedProxies: ['127.0.0.1'] },
  },
];

interface HaProxy {
  /** The port in front. */
  readonly port: number;
  /** What HAProxy knows of the server behind it, by the columns of its statistics. */
  readonly state: () => Promise<Record<string, string>>;
}

/** `options` are lines of the section, `server` the words behind the server's address. */
async function startHaProxy(
  behind: number,
  options: readonly string[],
  server: string,
): Promise<HaProxy> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'mailsluice-haproxy-'));
  const [file, socket] = [join(folder, 'haproxy.cfg'), join(folder, 'stats')];
  writeFileSync(
    file,
    `global
  stats socket ${socket}
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen smtp
  bind 127.0.0.1:${port}
${options.map((option) => `  ${option}\n`).join('')}  server mx 127.0.0.1:${behind} ${server}
`,
  );
  execFileSync(HAPROXY, ['-c', '-q', '-f', file]);
  const proxy = spawn(HAPROXY, ['-db', '-f', file], { stdio: 'ignore' });
  onTestFinished(async () => {
    const ended = once(proxy, 'exit');
    proxy.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  });
  // A connection to its front would be a client's.
  await expect.poll(() => isListening(socket), { timeout: 10_000 }).toBe(true);
  return {
    port,
    state: async () => {
      const client = connect(socket).end('show stat\n');
      const [head = '', ...rows] = (await text(client)).split('\n');
      const names = head.replace(/^# /, '').split(',');
      const row = rows.map((each) => each.split(',')).find(([, name]) => name === 'mx') ?? [];
      // A star says that a check is under way.
      return Object.fromEntries(
        names.map((name, at) => [name, (row[at] ?? '').replace(/^\* /, '')]),
      );
    },
  };
}

async function isListening(path: string): Promise<boolean> {
  const socket = connect(path);
  return new Promise((resolve) => {
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

test.for(['send-proxy', 'send-proxy-v2'])(
  'behind HAProxy, with %s, the client is known',
  async (keyword, { skip }) => {
    need(skip, HAPROXY);
    const { port, log } = await startServer({ listeners: behindProxy() });
    const proxy = await startHaProxy(port, [], keyword);
    const client = await TestClient.connect(proxy.port);
    expect(await client.reply()).toMatch(/^220 /);
    const { localPort } = client.socket;
    await log.next('connection-opened', ({ peer }) => peer.clientPort === localPort);
    client.destroy();
  },
);

const CHECK = 'check inter 100ms fall 1 rise 2 check-send-proxy';

test.for([
  ['send-proxy-v2', 'option smtpchk', 'L7OK'],
  ['send-proxy-v2', 'option smtpchk EHLO probe.example', 'L7OK'],
  ['send-proxy', 'option smtpchk EHLO probe.example', 'L7OK'],
  // The port is opened, and closed again.
  ['send-proxy-v2', 'option tcp-check', 'L4OK'],
] as const)(
  'the health checks of HAProxy with %s and "%s" mark the server up and leave no event',
  async ([keyword, option, status], { skip }) => {
    need(skip, HAPROXY);
    const { port, log } = await startServer({ listeners: behindProxy() });
    const { state } = await startHaProxy(port, [option], `${keyword} ${CHECK}`);
    await expect.poll(async () => (await state())['check_status']).toBe(status);
    // Several checks more.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await state()).toMatchObject({
      status: 'UP',
      check_status: status,
      chkfail: '0',
      chkdown: '0',
    });
    expect(log.all.map(({ kind }) => kind)).toEqual(['listening']);
  },
);

test('the health checks of HAProxy over TLS mark the server up and leave no event', async ({
  skip,
}) => {
  need(skip, HAPROXY);
  const certificate = await makeCertificate();
  const { port, log } = await startServer({
    tls: { certificates: [certificate] },
    listeners: behindProxy('implicit'),
  });
  const { state } = await startHaProxy(
    port,
    ['option smtpchk EHLO probe.example'],
    `send-proxy-v2 check-ssl verify none ${CHECK}`,
  );
  await expect.poll(async () => (await state())['check_status']).toBe('L7OK');
  expect(await state()).toMatchObject({ status: 'UP', chkfail: '0' });
  expect(log.all.map(({ kind }) => kind)).toEqual(['listening', 'certificates-served']);
});

test('a server that is closing is marked down by the health checks of HAProxy', async ({
  skip,
}) => {
  need(skip, HAPROXY);
  const { server, port, log } = await startServer({ listeners: behindProxy() });
  const { port: front, state } = await startHaProxy(
    port,
    ['option smtpchk EHLO probe.example'],
    `send-proxy-v2 ${CHECK}`,
  );
  const client = await TestClient.connect(front);
  await client.reply();
  await client.sayAll('EHLO c', 'MAIL FROM:<a@b>');
  void server.close({ drain: 5, idle: 5 });
  await expect.poll(async () => (await state())['status']).toBe('DOWN');
  expect(log.of('note')).toEqual([]);
  client.destroy();
});
