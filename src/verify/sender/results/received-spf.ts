// The value of Received-SPF (RFC 7208 section 9.1).
import type { CheckResult } from '../../judgement.ts';
import { keyValue } from './escaping.ts';

export interface ReceivedSpfSource {
  readonly result: CheckResult;
  readonly identity: 'mailfrom' | 'helo';
  /** The domain that was checked; `''` for none. */
  readonly domain: string;
  /** The address of the envelope; `''` for the null reverse-path. */
  readonly envelopeFrom: string;
  readonly helo: string;
  /** Of the client. */
  readonly address: string;
  /** Our host name. */
  readonly hostname: string;
  readonly mechanism?: string;
  readonly problem?: string;
}

/** One field line, whatever a peer has put into it. */
const OCTETS = 880;

const COMMENTS: Readonly<Partial<Record<CheckResult, string>>> = {
  pass: 'permits this client',
  fail: 'does not permit this client',
  softfail: 'probably does not permit this client',
  neutral: 'does not say whether it permits this client',
  none: 'has no SPF record',
  temperror: 'could not be checked',
  permerror: 'has an SPF record that cannot be used',
};

const DOMAIN_OCTETS = 253;

/** In one line, without line ends. What has no room is left out, the problem first. */
export function renderReceivedSpf(source: ReceivedSpfSource): string {
  const { result, domain, hostname } = source;
  // As long as DNS has names: a longer text would leave no room for the keys.
  const checked = domain.slice(0, DOMAIN_OCTETS);
  const comment = domain === '' ? 'no domain to check' : `${checked} ${COMMENTS[result] ?? ''}`;
  const pairs: [string, string | undefined][] = [
    ['client-ip', source.address],
    ['receiver', hostname],
    ['identity', source.identity],
    ['envelope-from', source.envelopeFrom],
    ['helo', source.helo],
    ['mechanism', source.mechanism],
    ['problem', source.problem],
  ];
  let text = `${result} (${hostname}: ${comment.replace(/[^\w.: -]/g, '?')})`;
  let separator = ' ';
  for (const [key, value] of pairs) {
    if (value === undefined || value === '') continue;
    const pair = `${separator}${key}=${keyValue(value)}`;
    if (Buffer.byteLength(text + pair) > OCTETS) continue;
    text += pair;
    separator = '; ';
  }
  return text;
}
