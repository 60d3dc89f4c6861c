// The checks together: what one of them finds changes how another one judges, and the whole is bounded.
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { QueryClient } from '../../../src/app/doctor/aws/query-client.ts';
import { diagnose, type DiagnoseOptions } from '../../../src/app/doctor/diagnose.ts';
import { subjectOf, type SubjectSources } from '../../../src/app/doctor/subject.ts';
import { makeCertificate, type TestCertificate } from '../../support/certificates.ts';
import { DnsServer } from '../../support/dns-server.ts';
import { startServer } from '../../support/smtp-server.ts';

let authority: TestCertificate;
beforeAll(async () => {
  authority = await makeCertificate({ names: ['Test CA'], isAuthority: true });
});

/** `level check: what was found` of all checks, on a zone. */
async function sentencesOf(
  zone: string,
  sources: SubjectSources,
  options: Partial<DiagnoseOptions> = {},
): Promise<string[]> {
  await using dns = await DnsServer.start(zone);
  const subject = subjectOf(sources);
  if (subject === undefined) throw new Error('the sources name no host');
  const sns = new SNSClient({ region: 'eu-west-1' });
  const findings = await diagnose({
    subject,
    resolver: dns.address,
    authorities: [authority.cert],
    timeoutSeconds: 2,
    clients: {
      ...{ s3: new S3Client({}), sns, sqs: new SQSClient({}) },
      query: new QueryClient(sns, {}),
    },
    explain: () => undefined,
    interrupted: new AbortController().signal,
    ...options,
  });
  return findings.map(({ level, check, found }) => `${level} ${check}: ${found}`);
}

test.each([
  ['enforce', 'failed'],
  ['testing', 'warning'],
])(
  'with the MTA-STS mode %s, a certificate that is not trusted has the level %s',
  async (mode, level) => {
    const { port } = await startServer({
      hostname: 'mx.test',
      listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, tls: 'starttls' }],
      tls: { certificates: [await makeCertificate({ names: ['mx.test'] })] },
    });
    const policyHost = createServer(
      await makeCertificate({ names: ['mta-sts.mail.test'], authority }),
      (_, response) => response.end(`version: STSv1\nmode: ${mode}\nmx: mx.test\nmax_age: 86400\n`),
    );
    policyHost.listen(0, '127.0.0.1');
    await once(policyHost, 'listening');
    onTestFinished(() => void policyHost.close());
    const sentences = await sentencesOf(
      'mx.test A 127.0.0.1\nmta-sts.mail.test A 127.0.0.1\n_mta-sts.mail.test TXT v=STSv1; id=1',
      { host: 'mx.test', domains: ['mail.test'], ports: { mx: port } },
      { policyPort: (policyHost.address() as AddressInfo).port },
    );
    expect(sentences).toContain(
      `${level} smtp.certificate: the certificate of port ${port} is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)`,
    );
  },
);

test('a host without an address has nothing to connect to', async () => {
  expect(await sentencesOf('', { host: 'mx.test' })).toEqual([
    'failed dns.address: mx.test has no A or AAAA record',
    'note dns.caa: no CAA record restricts who may issue certificates for mx.test',
  ]);
});

test('an address instead of a name: its ports are looked at, and no DNS', async () => {
  const { port } = await startServer({ hostname: 'mx.test' });
  const sentences = await sentencesOf('', {
    host: '127.0.0.1',
    domains: ['mail.test'],
    ports: { mx: port },
  });
  expect(sentences).toContain(`ok smtp.connection: port ${port} of 127.0.0.1 greets as mx.test`);
  expect(sentences.filter((sentence) => sentence.includes(' dns.'))).toEqual([]);
});

test('twenty domains are looked at, and the others are named', async () => {
  const domains = Array.from({ length: 22 }, (_, at) => `d${at}.test`);
  const zone = domains.map((domain) => `${domain} MX 10 mx.test`).join('\n');
  const sentences = await sentencesOf(zone, { host: 'mx.test', domains });
  expect(sentences.filter((sentence) => sentence.startsWith('ok dns.mx'))).toHaveLength(20);
  expect(sentences).toContain(
    'unknown dns.mx: 2 more domains were not looked at: d20.test, d21.test',
  );
});
