// Mail that is refused or set aside for what SPF and DMARC say of its sender.
import type { SenderRefusal } from '../judgement.ts';
import type { Dmarc } from './dmarc/dmarc.ts';

export interface RefusedSpf {
  readonly result: string;
  readonly domain: string;
  readonly mechanism?: string;
  readonly explanation?: string;
}

/** RFC 7372 section 3.2 has the code: SPF validation failed. */
export function refuseBySpf(spf: RefusedSpf, address: string): SenderRefusal | undefined {
  if (spf.result !== 'fail') return undefined;
  const { domain, mechanism, explanation } = spf;
  return {
    rule: 'spf',
    reply: {
      code: 550,
      status: '7.23',
      text: `The SPF record of ${domain} does not permit mail from ${address}, see https://www.rfc-editor.org/info/rfc7208`,
    },
    subject: domain,
    detail: `spf=fail${mechanism === undefined ? '' : ` ${mechanism}`}${explanation === undefined ? '' : `: ${explanation}`}`,
  };
}

/** Only where the owner of the domain asks for it. */
export function refuseByDmarc(dmarc: Dmarc): SenderRefusal | undefined {
  const { result, policy, policyOf: domain } = dmarc;
  if (!isFailed(dmarc) || policy !== 'reject' || domain === undefined) return undefined;
  const cause =
    result === 'permerror'
      ? 'From must be one field with one mailbox, see https://www.rfc-editor.org/info/rfc5322'
      : 'neither SPF nor DKIM proves that domain, see https://www.rfc-editor.org/info/rfc9989';
  return {
    rule: 'dmarc',
    reply: {
      code: 550,
      status: '7.1',
      text: `Rejected by the DMARC policy of ${domain}: ${cause}`,
    },
    subject: domain,
    detail: `dmarc=${result} policy=reject${dmarc.reason === undefined ? '' : `: ${dmarc.reason}`}`,
  };
}

export function isQuarantined(dmarc: Dmarc): boolean {
  return isFailed(dmarc) && dmarc.policy === 'quarantine';
}

function isFailed({ result }: Dmarc): boolean {
  return result === 'fail' || result === 'permerror';
}
