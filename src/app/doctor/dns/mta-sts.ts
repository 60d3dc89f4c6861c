// MTA-STS (RFC 8461): the record, and the policy that it promises.
import { request } from 'node:https';
import type { DnsLookups } from './lookups.ts';

export type MtaSts =
  | { readonly kind: 'none' }
  | { readonly kind: 'undecided'; readonly code: string }
  | { readonly kind: 'invalid-record'; readonly texts: readonly string[] }
  | { readonly kind: 'no-policy'; readonly reason: string }
  | { readonly kind: 'invalid-policy'; readonly reason: string }
  | {
      readonly kind: 'policy';
      readonly mode: string;
      readonly exchanges: readonly string[];
      readonly maxAgeSeconds: number;
    };

export interface PolicyOptions {
  /** Certificates of CAs; default: those that Node.js trusts. */
  readonly authorities?: readonly string[];
  /** Default 443. */
  readonly port?: number;
  readonly timeoutMillis: number;
}

/** RFC 8461 section 3.3 suggests a limit of 64 KB. */
const MAX_POLICY_OCTETS = 65_536;

export async function readMtaSts(
  dns: DnsLookups,
  domain: string,
  options: PolicyOptions,
): Promise<MtaSts> {
  const lookup = await dns.texts(`_mta-sts.${domain}`);
  if (lookup.kind === 'failed') return { kind: 'undecided', code: lookup.code };
  // Section 3.1: what does not begin with the version is none of its records.
  const texts =
    lookup.kind === 'none' ? [] : lookup.records.filter((text) => text.startsWith('v=STSv1'));
  const [record] = texts;
  if (record === undefined) return { kind: 'none' };
  if (texts.length > 1 || !/^v=STSv1\s*;\s*(.*;\s*)?id=[A-Za-z0-9]{1,32}\s*(;|$)/.test(record)) {
    return { kind: 'invalid-record', texts };
  }
  const fetched = await fetchPolicy(dns, `mta-sts.${domain}`, options);
  return 'reason' in fetched
    ? { kind: 'no-policy', reason: fetched.reason }
    : parsePolicy(fetched.text);
}

/** Whether the policy covers the host: by its name, or by a wildcard for the first label (section 4.1). */
export function coversHost(exchanges: readonly string[], host: string): boolean {
  return exchanges.some((pattern) =>
    pattern.startsWith('*.')
      ? pattern.slice(1) === host.slice(host.indexOf('.'))
      : pattern === host,
  );
}

function parsePolicy(text: string): MtaSts {
  const fields = text.split(/\r?\n/).flatMap((line) => {
    const [, name = '', value = ''] = /^\s*([A-Za-z0-9_.-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    return name === '' ? [] : [[name, value] as const];
  });
  const valueOf = (name: string): string => fields.find(([key]) => key === name)?.[1] ?? '';
  const mode = valueOf('mode');
  const maxAgeSeconds = Number(valueOf('max_age') || Number.NaN);
  const exchanges = fields
    .filter(([name]) => name === 'mx')
    .map(([, value]) => value.toLowerCase());
  const invalid = (reason: string): MtaSts => ({ kind: 'invalid-policy', reason });
  if (valueOf('version') !== 'STSv1') return invalid('it has no line "version: STSv1"');
  if (!['enforce', 'testing', 'none'].includes(mode)) return invalid('it has no valid mode');
  if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0) {
    return invalid('it has no valid max_age');
  }
  if (mode !== 'none' && exchanges.length === 0) return invalid('it names no mx');
  return { kind: 'policy', mode, exchanges, maxAgeSeconds };
}

type Fetched = { readonly text: string } | { readonly reason: string };

/** Section 3.3: by HTTPS with a certificate that is trusted, and no redirect is followed. */
async function fetchPolicy(
  dns: DnsLookups,
  host: string,
  { authorities, port = 443, timeoutMillis }: PolicyOptions,
): Promise<Fetched> {
  const lookup = await dns.addresses(host);
  if (lookup.kind === 'failed') return { reason: `no address of ${host} (${lookup.code})` };
  const [address] = lookup.kind === 'found' ? lookup.records : [];
  if (address === undefined) return { reason: `${host} has no address` };
  return new Promise((resolve) => {
    const call = request({
      host: address,
      servername: host,
      port,
      path: '/.well-known/mta-sts.txt',
      headers: { accept: 'text/plain', host },
      agent: false,
      ...(authorities && { ca: [...authorities] }),
      signal: AbortSignal.timeout(timeoutMillis),
    });
    call.on('error', (error: NodeJS.ErrnoException) => {
      const isLate = error.name === 'AbortError' || error.name === 'TimeoutError';
      resolve({
        reason: isLate
          ? `no answer within ${timeoutMillis / 1000} s`
          : (error.code ?? error.message),
      });
    });
    call.on('response', (response) => {
      if (response.statusCode !== 200) {
        resolve({ reason: `HTTP status ${response.statusCode}` });
        response.destroy();
        return;
      }
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length <= MAX_POLICY_OCTETS) return;
        resolve({ reason: 'an answer of more than 64 KB' });
        response.destroy();
      });
      response.on('end', () => resolve({ text }));
      response.on('error', () => resolve({ reason: 'an answer that was cut off' }));
    });
    call.end();
  });
}
