// SPF by the library's evaluation of records, strict, over look-ups with limits of ours. Its one big call is not used: it
// counts queries without a limit in all, makes a temperror of an explanation that does not arrive, and does not say what
// matched.
import { isIP } from 'node:net';
import { spfVerify } from 'mailauth/lib/spf/spf-verify.js';
import { canonicalAddress } from '../../../net/addresses.ts';
import type { MailLookups } from '../../dns/resolver.ts';
import { printable } from '../../printable.ts';
import { readDomain } from '../dkim/domain-names.ts';
import { SpfError, SpfLookups } from './spf-lookups.ts';
import type { SpfResult } from './spf-result.ts';

export interface SpfRequest {
  readonly lookups: MailLookups;
  /** Of the client, as text. */
  readonly address: string;
  /** As the client gave it. */
  readonly helo: string | undefined;
  /** `null`: the null reverse-path. */
  readonly reversePath: { readonly localPart: string; readonly domain: string } | null;
  /** Our own name, for the macro `%{r}`. */
  readonly hostname: string;
}

const MOST_TEXT = 200;
const MOST_MECHANISM = 100;

const RESULTS = { '+': 'pass', '-': 'fail', '~': 'softfail', '?': 'neutral' } as const;

/** Begins at once; never rejects. */
export async function checkSpf(request: SpfRequest): Promise<SpfResult> {
  const { helo = '', reversePath } = request;
  const identity = reversePath === null ? 'helo' : 'mailfrom';
  const given = reversePath === null ? helo : reversePath.domain;
  const domain = readDomain(Buffer.from(given, 'utf8').toString('latin1')) ?? '';
  const localPart = reversePath?.localPart === '' ? 'postmaster' : reversePath?.localPart;
  const sender = `${localPart ?? 'postmaster'}@${given}`;
  const known = { identity, domain, sender } as const;
  const address = canonicalAddress(request.address);
  // RFC 7208 section 4.3. A client without an address, on a Unix socket, has no policy either.
  if (domain === '' || isIP(address) === 0) return { ...known, result: 'none' };
  const evaluated = `${localPart ?? 'postmaster'}@${domain}`;
  return { ...known, ...(await evaluate(request, { domain, sender: evaluated, address })) };
}

type Outcome = Pick<SpfResult, 'result' | 'mechanism' | 'problem' | 'explanation'>;

async function evaluate(
  request: SpfRequest,
  {
    domain,
    sender,
    address,
  }: { readonly domain: string; readonly sender: string; readonly address: string },
): Promise<Outcome> {
  const lookups = new SpfLookups(request.lookups);
  try {
    const match = await spfVerify(domain, {
      sender,
      ip: address,
      helo: request.helo ?? '',
      mta: request.hostname,
      strict: true,
      ctx: { warnings: new Set(), usedLocalPart: false },
      resolver: lookups.ofTerms,
      expResolver: lookups.ofExplanation,
      createSubResolver: lookups.ofHosts,
    });
    if (match === false) return { result: 'neutral', mechanism: 'default' };
    if (match.qualifier === undefined) {
      return asError(match.error ?? 'neutral', match.text ?? '');
    }
    const result = RESULTS[match.qualifier];
    return {
      result,
      mechanism: printable(mechanismOf(match), MOST_MECHANISM),
      ...(result === 'fail' &&
        match.explanation !== undefined && {
          explanation: printable(match.explanation, MOST_TEXT),
        }),
    };
  } catch (error) {
    const { error: result, text } = spfResultOf(error);
    return asError(result, text);
  }
}

function asError(result: 'none' | 'neutral' | 'permerror' | 'temperror', text: string): Outcome {
  return result === 'none' || result === 'neutral'
    ? { result }
    : { result, problem: printable(text, MOST_TEXT) };
}

function spfResultOf(error: unknown): {
  readonly error: 'none' | 'permerror' | 'temperror';
  readonly text: string;
} {
  if (error instanceof SpfError) return error.spfResult;
  const { spfResult } = error as { spfResult?: { error?: unknown; text?: unknown } };
  // Whatever else the library throws comes of what the record says, not of DNS.
  const kind = spfResult?.error;
  return {
    error: kind === 'none' || kind === 'temperror' ? kind : 'permerror',
    text: typeof spfResult?.text === 'string' ? spfResult.text : 'the record cannot be evaluated',
  };
}

function mechanismOf(match: { qualifier?: string; type?: string; val?: string }): string {
  if (match.type === undefined) return 'default';
  const sign = match.qualifier === '+' ? '' : (match.qualifier ?? '');
  return `${sign}${match.type}${match.val === undefined || match.val === '' ? '' : `:${match.val}`}`;
}
