// The checks of the sender in the block that `npm start` prints.
import { expect, test } from 'vitest';
import { renderReady } from '../../../src/app/local/render.ts';
import type { LocalReady } from '../../../src/app/local/ready.ts';
import { parseConfiguration } from '../../../src/config/index.ts';
import { overlay } from '../../../src/app/local/defaults.ts';
import { makeCertificate } from '../../support/certificates.ts';

const ready: LocalReady = {
  event: 'ready',
  version: '1.2.3',
  page: 'http://127.0.0.1:8025',
  listeners: [],
  health: 'http://127.0.0.1:8080',
  aws: {
    region: 'us-east-1',
    endpoint: 'http://127.0.0.1:4566',
    dynamoDbEndpoint: 'http://127.0.0.1:8000',
    accessKeyId: 'local',
    secretAccessKey: 'local',
  },
  bucket: 'b',
  prefix: 'mail/',
  topicArn: 'arn:aws:sns:us-east-1:000000000000:mail',
  senderChecks: [],
  queueUrl: 'q',
  table: 't',
  username: 'demo',
  password: 'p',
};

function rowOf(block: string, name: string): string | undefined {
  return block.split('\n').find((line) => line.trimStart().startsWith(name));
}

test('sender checks are off, and one line says how to turn them on, by a document that is valid', async () => {
  const row = rowOf(renderReady(ready), 'Sender checks') ?? '';
  expect(row).toMatch(/^ {2}Sender checks +off +turn them on: --config '/);
  const [, document = ''] = /--config '([^']+)'/.exec(row) ?? [];
  const certificates = [await makeCertificate()];
  const merged = overlay({ ...(JSON.parse(document) as object), tls: { certificates } });
  expect(parseConfiguration(merged).verify).toMatchObject({ dmarc: 'mark', spf: 'off' });
  const untouched = parseConfiguration(overlay({ tls: { certificates } }));
  expect(untouched.verify).toMatchObject({ dmarc: 'off', spf: 'off', dkim: 'off', arc: 'off' });
});

test('sender checks that are on, and a topic of quarantine, are in the block', () => {
  const block = renderReady({
    ...ready,
    senderChecks: ['spf mark', 'dmarc reject'],
    quarantineTopicArn: 'arn:aws:sns:us-east-1:000000000000:aside',
  });
  expect(rowOf(block, 'Sender checks')).toContain('spf mark, dmarc reject');
  expect(rowOf(block, 'Quarantine')).toContain(':aside');
  expect(rowOf(renderReady(ready), 'Quarantine')).toBeUndefined();
});
