/** A mailbox of the envelope: `local-part@domain` (RFC 5321 section 2.3.11), parsed once. */
export interface Mailbox {
  /** The local part without its quoting; may hold any octet that a quoted string may. */
  readonly localPart: string;
  /** The domain or address literal (`[192.0.2.1]`) as it was sent; `''` only for the bare `<postmaster>`. */
  readonly domain: string;
  /**
   * The whole address as text. A local part that was sent in quotes is quoted where the grammar requires it; one that
   * was sent without them stays as it was, also where the grammar would require them (`a..b@x.example`).
   */
  readonly address: string;
}

/** The argument of MAIL. `null` is the null reverse-path `<>` (RFC 5321 section 4.5.5). */
export type ReversePath = Mailbox | null;

/** The argument of RCPT. */
export type ForwardPath = Mailbox;
