// Ours: the whole server with a sink that drops every octet.
import { readFileSync } from 'node:fs';
import { SmtpServer } from '../../../src/index.ts';

const ACCEPTED = { code: 250, status: '0.0', text: 'Ok' };
const SINK = { write: () => true, commit: () => ACCEPTED, discard: () => {} };
const OPENED = { kind: 'accept', writer: SINK } as const;

const [port = '0', certFile, keyFile] = process.argv.slice(2);
const tls =
  certFile === undefined || keyFile === undefined
    ? undefined
    : {
        certificates: [
          { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') },
        ],
      };
const server = new SmtpServer({
  hostname: 'mailsluice.example',
  listeners: [
    { name: 'mx', host: '127.0.0.1', port: Number(port), tls: tls ? 'implicit' : 'none' },
  ],
  ...(tls && { tls }),
  // One client is the whole world here.
  limits: { maxConnections: 20_000, maxConnectionsPerAddress: 20_000, maxMessages: 1_000_000 },
  openMessage: () => OPENED,
});
await server.listen();
process.once('SIGTERM', () => process.exit());
