// What `config check` says of a DNS that does not answer.
import { expect, test } from 'vitest';
import { warnOfSilentResolver } from '../../src/app/check-resolvers.ts';
import { type Configuration, parseConfiguration } from '../../src/config/index.ts';
import { DnsServer } from '../support/dns-server.ts';
import { freePort } from '../support/free-port.ts';

function configuration(resolver: string, verify: object, auth = 'none'): Configuration {
  return parseConfiguration({
    hostname: 'mx.example.com',
    listeners: [{ name: 'mx', port: 1, auth }],
    tls: { certificates: [{ certFile: 'mx.crt', keyFile: 'mx.key' }] },
    store: { bucket: 'mail-bucket' },
    notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
    credentials: { table: 'mail-credentials' },
    verify: { resolvers: [resolver], timeout: '500ms', ...verify },
  });
}

test.each([
  ['spf', { spf: 'reject' }],
  ['dmarc', { dmarc: 'reject' }],
  ['lists', { lists: [{ zone: 'list.example', action: 'reject' }] }],
])(
  '%s that refuses is warned of, with the resolver, where it does not answer',
  async (name, verify) => {
    const silent = `127.0.0.1:${await freePort()}`;
    const [warning, ...others] = await warnOfSilentResolver(configuration(silent, verify));
    expect(others).toEqual([]);
    expect(warning?.path).toBe(`verify.${name}`);
    expect(warning?.text).toContain(`${silent} did not within 0.5 s`);
  },
);

test('a resolver that answers, whatever it is, is asked once and not warned of', async () => {
  await using dns = await DnsServer.start();
  expect(await warnOfSilentResolver(configuration(dns.address, { dmarc: 'reject' }))).toEqual([]);
  expect(dns.asked).toHaveLength(1);
});

test('nothing is asked where nothing is refused', async () => {
  await using dns = await DnsServer.start();
  expect(await warnOfSilentResolver(configuration(dns.address, {}))).toEqual([]);
  const signedIn = configuration(dns.address, { dmarc: 'reject' }, 'required');
  expect(await warnOfSilentResolver(signedIn)).toEqual([]);
  expect(dns.asked).toEqual([]);
});
