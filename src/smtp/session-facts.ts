/** What is known of a session when a policy or a message asks: plain facts, no behaviour. */
export interface SessionFacts {
  /** Unique within the process's lifetime and printable; ties log lines together. */
  readonly sessionId: string;
  /** The name of the listener that took the connection. */
  readonly listener: string;
  /** The client's address without brackets, IPv4-mapped IPv6 written as IPv4. */
  readonly clientAddress: string;
  readonly clientPort: number;
  /** The proxy that told the client's address in a PROXY header, where there is one. */
  readonly proxy?: ProxyFacts;
  /** The argument of EHLO, HELO or LHLO, as sent: unverified. `''` before it. */
  readonly clientDomain: string;
  readonly protocol: 'SMTP' | 'ESMTP' | 'LMTP';
  /** `null` while the session is in the clear. */
  readonly tls: TlsFacts | null;
  /** `null` before sign-in. */
  readonly identity: Identity | null;
}

/** What a PROXY header told beside the client's address. */
export interface ProxyFacts {
  /** The proxy's own address. */
  readonly address: string;
  /** The type-length-values of a version 2 header, as they were sent. */
  readonly tlvs: readonly ProxyTlv[];
}

/** One type-length-value of a PROXY header of version 2 (section 2.2), as it was sent. */
export interface ProxyTlv {
  readonly type: number;
  readonly value: Buffer;
}

/** The TLS that secures a session. */
export interface TlsFacts {
  /** As Node.js names it: `TLSv1.2` or `TLSv1.3`; with the profile `old` also `TLSv1` or `TLSv1.1`. */
  readonly version: string;
  /** The cipher suite's standard (IANA) name, as `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  /** The name that the client asked for (SNI), if it did. */
  readonly serverName?: string;
  /** The client's certificate, where one was asked for, sent and verified. */
  readonly clientCertificate?: { readonly subject: string; readonly fingerprint256: string };
}

/** Who signed in. */
export interface Identity {
  /** The name of the credential, canonical. */
  readonly username: string;
  /** The SASL mechanism, as `PLAIN`. */
  readonly mechanism: string;
  /** What the authenticator knows of the user and a later policy may want: passed through, never read here. */
  readonly grants?: unknown;
}
