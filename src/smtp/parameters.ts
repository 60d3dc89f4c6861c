/** The parameters of one MAIL command, parsed. Absent means that the client did not send it. */
export interface MailParameters {
  /** SIZE: the declared size in octets (RFC 1870). */
  readonly size?: number;
  /** BODY (RFC 6152, RFC 3030). */
  readonly body?: '7BIT' | '8BITMIME' | 'BINARYMIME';
  /** SMTPUTF8 (RFC 6531). */
  readonly smtpUtf8?: true;
  /** AUTH: the submitter, decoded from xtext; `null` for `<>` (RFC 4954 section 5). */
  readonly auth?: string | null;
  /** RET (RFC 3461 section 4.3). */
  readonly ret?: 'FULL' | 'HDRS';
  /** ENVID, decoded from xtext (RFC 3461 section 4.4). */
  readonly envid?: string;
  /** REQUIRETLS (RFC 8689). */
  readonly requireTls?: true;
  /** MT-PRIORITY, -9 to 9 (RFC 6710). */
  readonly mtPriority?: number;
  /** BY (RFC 2852). */
  readonly deliverBy?: {
    readonly seconds: number;
    readonly mode: 'N' | 'R';
    readonly trace: boolean;
  };
  /** HOLDFOR in seconds (RFC 4865). */
  readonly holdForSeconds?: number;
  /** HOLDUNTIL as sent, an RFC 3339 date-time (RFC 4865). */
  readonly holdUntil?: string;
}

/** The parameters of one RCPT command, parsed (RFC 3461 section 4.1 and 4.2). */
export interface RcptParameters {
  readonly notify?: readonly ('NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY')[];
  readonly orcpt?: {
    readonly addressType: string;
    /** Decoded from xtext or utf-8-addr-xtext. */ readonly address: string;
  };
}
