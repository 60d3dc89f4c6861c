import type { DmarcPolicy, VerdictStatus } from './notification-types.ts';

/** The results of the sender checks, for the trace headers and the notification. */
export interface Verification {
  readonly spam: VerdictStatus;
  readonly virus: VerdictStatus;
  readonly spf: VerdictStatus;
  readonly dkim: VerdictStatus;
  readonly dmarc: VerdictStatus;
  /** Only when `dmarc` is FAIL. */
  readonly dmarcPolicy?: DmarcPolicy;
  /** The `resinfo`s of Authentication-Results (RFC 8601 section 2.2), as `spf=pass smtp.mailfrom=a.example`. */
  readonly results: readonly string[];
  /** The value of Received-SPF (RFC 7208 section 9.1), if SPF was checked. */
  readonly receivedSpf?: string;
}

/** The results where nothing was checked. */
export const notVerified: Verification = {
  spam: 'GRAY',
  virus: 'GRAY',
  spf: 'GRAY',
  dkim: 'GRAY',
  dmarc: 'GRAY',
  results: [],
};
