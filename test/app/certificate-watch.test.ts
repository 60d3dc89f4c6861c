import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCertificates, withoutSource } from '../../src/app/certificate-sources.ts';
import { watchCertificates } from '../../src/app/certificate-watch.ts';
import { SmtpServer } from '../../src/server/index.ts';
import { makeCertificate } from '../support/certificates.ts';
import { startReports } from './report/recorder.ts';

/** Changes the certificate file of a watched server; gives the events that were logged after it was read again. */
async function changeCertificate(change: (certFile: string) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  const { cert, key } = await makeCertificate({ names: ['mx.example.com'] });
  writeFileSync(join(folder, 'mx.crt'), cert);
  writeFileSync(join(folder, 'mx.key'), key);
  const certificates = [{ certFile: 'mx.crt', keyFile: 'mx.key' }];
  const serving = await readCertificates(certificates, folder);
  const reports = startReports();
  const server = new SmtpServer({
    hostname: 'mx.example.com',
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0 }],
    tls: { certificates: serving.map(withoutSource) },
    observe: reports.server,
  });
  const stop = watchCertificates({
    certificates,
    folder,
    serving,
    intervalSeconds: 0.05,
    replace: (newer) => server.replaceCertificates(newer.map(withoutSource)),
    observe: reports.app,
  });
  change(join(folder, 'mx.crt'));
  await expect.poll(() => reports.values().CertReloadErrors).toBeGreaterThan(0);
  stop();
  // A look that was under way when it was stopped may still be reported: each has one line and one count.
  await expect
    .poll(async () => (await reports.lines()).length - (reports.values().CertReloadErrors ?? 0))
    .toBe(0);
  rmSync(folder, { recursive: true });
  return [...new Set((await reports.lines()).map(({ event }) => event))];
}

test('a certificate that cannot be used is logged and counted once, by the server', async () => {
  const { cert } = await makeCertificate({ names: ['other.example.com'] });
  expect(await changeCertificate((file) => writeFileSync(file, cert))).toEqual([
    'certificates-refused',
  ]);
});

test('a file that cannot be read is logged and counted once, by the watch', async () => {
  expect(await changeCertificate((file) => rmSync(file))).toEqual(['certificate-reload-failed']);
});
