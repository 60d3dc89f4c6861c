/**
 * What is done about the results. `mark`: verdicts, findings and trace fields. `reject`: also a refusal, of mail that SPF
 * fails, or that DMARC fails while the policy asks for it.
 */
export interface SenderModes {
  readonly spf: 'off' | 'mark' | 'reject';
  readonly dkim: 'off' | 'mark';
  /** DMARC needs SPF and DKIM: where it is on, both are checked and reported. */
  readonly dmarc: 'off' | 'mark' | 'reject';
  readonly arc: 'off' | 'mark';
}

export const MARK_ALL: SenderModes = { spf: 'mark', dkim: 'mark', dmarc: 'mark', arc: 'mark' };
