// The examples of RFC 6376 and RFC 8463.
import { expect, test } from 'vitest';
import { judgeSignatures } from './judge.ts';
import { rfc6376, rfc6376Zone, rfc8463, rfc8463Zone } from './rfc-messages.ts';

test('the message of RFC 8463 appendix A.3 passes by Ed25519 and by RSA', async () => {
  const { dkim, unjudged, arc } = await judgeSignatures(rfc8463, { zone: rfc8463Zone });
  const common = {
    result: 'pass',
    domain: 'football.example.com',
    identity: '@football.example.com',
  };
  expect(dkim).toEqual([
    { ...common, selector: 'brisbane', algorithm: 'ed25519-sha256', signature: '/gCrinpc' },
    { ...common, selector: 'test', algorithm: 'rsa-sha256', signature: 'F45dVWDf' },
  ]);
  expect(unjudged).toBe(0);
  expect(arc).toEqual({ result: 'none', instances: 0, trusted: false });
});

test('the message of RFC 6376 appendix A.2 passes', async () => {
  const { dkim } = await judgeSignatures(rfc6376, { zone: rfc6376Zone });
  expect(dkim).toEqual([
    {
      result: 'pass',
      domain: 'example.com',
      selector: 'brisbane',
      identity: 'joe@football.example.com',
      algorithm: 'rsa-sha256',
      signature: 'AuUoFEfD',
    },
  ]);
});
