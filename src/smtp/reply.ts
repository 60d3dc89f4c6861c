/**
 * One SMTP reply: what is said to the client, as data. The first digit of the enhanced status code is
 * computed from the reply code and never typed, so the two cannot disagree (RFC 3463 section 2).
 */
export interface Reply {
  /** The reply code, 200 to 559 (RFC 5321 section 4.2). */
  readonly code: number;
  /** Subject and detail of the enhanced status code, as in `'7.1'` (RFC 3463). Absent: none is sent. */
  readonly status?: string;
  /** The text of the reply: one line, or several for a multi-line reply. Printable ASCII. */
  readonly text: string | readonly string[];
}
