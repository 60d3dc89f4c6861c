// mailauth's own verdicts, strict, over the same zone: an implementation that is not ours.
import { createRequire } from 'node:module';
import { type Zone, ZoneLookups } from '../../support/zone-lookups.ts';

const require = createRequire(import.meta.url);

interface Signature {
  readonly signingDomain: string;
  readonly selector: string;
  readonly status: {
    readonly result: 'pass' | 'fail' | 'policy' | 'neutral' | 'temperror' | 'none';
    readonly comment?: string;
    readonly underSized?: number;
  };
}

type Resolver = (name: string, type: string) => Promise<unknown[]>;

interface Verified {
  readonly results: readonly Signature[];
  readonly arc: unknown;
}

const { dkimVerify } = require('mailauth/lib/dkim/verify') as {
  dkimVerify: (
    message: Buffer,
    options: { readonly resolver: Resolver; readonly strict: true; readonly curTime: Date },
  ) => Promise<Verified>;
};
const { arc, sealMessage } = require('mailauth/lib/arc') as {
  arc: (
    data: unknown,
    options: { readonly resolver: Resolver; readonly strict: true },
  ) => Promise<{ readonly status: { readonly result: string; readonly comment?: string } }>;
  sealMessage: (message: Buffer, seal: Seal) => Promise<Buffer>;
};

interface Seal {
  readonly signingDomain: string;
  readonly selector: string;
  readonly privateKey: string;
  readonly cv: 'none' | 'pass' | 'fail';
  readonly i: number;
  readonly authResults: string;
  readonly headerList?: readonly string[];
}

function resolverOf(zone: Zone): Resolver {
  return async (name, type) => {
    const answer = await new ZoneLookups(zone).lookUp(name, type as 'TXT');
    if (answer.kind === 'records') return answer.records.map((record) => [record]);
    const code = { 'no-name': 'ENOTFOUND', 'no-data': 'ENODATA', failed: 'ETIMEOUT' }[answer.kind];
    throw Object.assign(new Error(code), { code });
  };
}

export async function judgeByMailauth(
  message: string,
  { zone, now }: { readonly zone: Zone; readonly now: number },
): Promise<{ readonly dkim: readonly Signature[]; readonly arc: string; readonly why?: string }> {
  const options = { resolver: resolverOf(zone), strict: true, curTime: new Date(now) } as const;
  const octets = Buffer.from(message, 'latin1');
  const { results, arc: chain } = await dkimVerify(octets, options);
  const { status } = await arc(chain, options);
  return {
    dkim: results.filter(({ status: { result } }) => result !== 'none'),
    arc: status.result,
    ...(status.comment !== undefined && { why: status.comment }),
  };
}

/** The message with an ARC set in front. */
export async function seal(message: string, by: Seal): Promise<string> {
  const fields = await sealMessage(Buffer.from(message, 'latin1'), by);
  return fields.toString('latin1') + message;
}
