/**
 * Bounds on what a client can make the server hold or wait for. Counts are whole numbers, sizes are octets, times
 * are seconds. A listener may override any of them.
 *
 * @example
 * new SmtpServer({
 *   limits: { maxMessageSize: 1_000_000, maxConnections: 50 },
 *   listeners: [{ name: 'lan', port: 2525, limits: { maxConnectionsPerAddress: 50 } }],
 * });
 */
export interface Limits {
  /** Octets of one message, announced as SIZE (RFC 1870). Default 40,000,000. */
  readonly maxMessageSize: number;
  /**
   * Recipients of one transaction; past it `452 4.5.3`. RFC 5321 section 4.5.3.1.8 asks for at least 100. Default
   * 100.
   */
  readonly maxRecipients: number;
  /** Different domains in the recipients of one transaction; past it `452 4.5.3`. Default: any number. */
  readonly maxRecipientDomains?: number;
  /**
   * Connections at one time, of the server and of each listener; past it `421 4.3.2`, for the new one or for one that
   * is idle or whose client or listener has more. Default 2000.
   */
  readonly maxConnections: number;
  /** Connections at one time from one IPv4 address or one IPv6 /64; past it `421 4.7.0`. Default 100. */
  readonly maxConnectionsPerAddress: number;
  /** Transactions of one session; past it `421 4.7.0`. Default 100. */
  readonly maxMessages: number;
  /** Refusals in one session; past it `421 4.7.0`. A hook's or a writer's 4yz does not count. Default 20. */
  readonly maxErrors: number;
  /** Refused sign-ins in one session; past it `421 4.7.0`. Default 3. */
  readonly maxSignInFailures: number;
  /**
   * Time for one whole command; past it `421 4.4.2`. RFC 5321 section 4.5.3.2.7 asks for at least 5 minutes.
   * Default 300.
   */
  readonly commandTimeoutSeconds: number;
  /**
   * Silence inside a message; past it `421 4.4.2`. RFC 5321 section 4.5.3.2.5 grants a data block 3 minutes.
   * Default 180.
   */
  readonly dataTimeoutSeconds: number;
  /**
   * Octets a second that a message must bring, averaged over each `dataTimeoutSeconds`; below it `421 4.4.2`. Time
   * in which the server itself does not read is not counted. Default 100; 0 turns it off.
   */
  readonly minDataRate: number;
  /** Time for all data of one message, whatever its rate; past it `421 4.4.2`. Default 3600. */
  readonly messageSeconds: number;
  /** Time for a TLS handshake, or for a PROXY header. Default 30. */
  readonly handshakeTimeoutSeconds: number;
  /** Age at which a session is ended between two transactions. Default 1800. */
  readonly sessionSeconds: number;
  /**
   * Time for the answer of a hook, of a message's writer or of its commit; past it the client hears a 4yz. Default
   * 120, well under the 10 minutes that RFC 5321 section 4.5.3.2.6 lets a client wait after the final dot.
   */
  readonly answerTimeoutSeconds: number;
}

/** The limits of a server whose options set none. */
export const DEFAULT_LIMITS: Limits = {
  maxMessageSize: 40_000_000,
  maxRecipients: 100,
  maxConnections: 2000,
  maxConnectionsPerAddress: 100,
  maxMessages: 100,
  maxErrors: 20,
  maxSignInFailures: 3,
  commandTimeoutSeconds: 300,
  dataTimeoutSeconds: 180,
  minDataRate: 100,
  messageSeconds: 3600,
  handshakeTimeoutSeconds: 30,
  sessionSeconds: 1800,
  answerTimeoutSeconds: 120,
};

/** The limits that count things. */
export const COUNTS: readonly (keyof Limits)[] = [
  'maxMessageSize',
  'maxRecipients',
  'maxRecipientDomains',
  'maxConnections',
  'maxConnectionsPerAddress',
  'maxMessages',
  'maxErrors',
  'maxSignInFailures',
];

/** The shortest time that any of these limits gives, in seconds. */
export function shortestTimeout(limits: readonly Limits[]): number {
  return Math.min(
    ...limits.flatMap((each) => [
      each.commandTimeoutSeconds,
      each.dataTimeoutSeconds,
      each.messageSeconds,
      each.handshakeTimeoutSeconds,
      each.sessionSeconds,
      each.answerTimeoutSeconds,
    ]),
  );
}
