// Applies the size and the rate that a credential grants to each message, in front of the writer that stores it.
import type {
  DiscardCause,
  MessageFacts,
  MessageWriter,
  OpenMessage,
  OpenMessageAnswer,
  Reply,
} from '../smtp/index.ts';
import { checkSize } from './authorization.ts';
import { type Grants, grantsOf } from './grants.ts';
import type { RateLimit } from './rate-limit.ts';

/** The same as `open`, but only within the size and the rate that the sender's credential grants. */
export function limitMessages(open: OpenMessage, rateLimit: RateLimit): OpenMessage {
  return (facts, resume) => {
    const grants = grantsOf(facts.session.identity);
    const isLimited = grants?.rate !== undefined || grants?.maxMessageSize !== undefined;
    // A sender without limits costs nothing here.
    return isLimited ? openLimited(open, rateLimit, grants, facts, resume) : open(facts, resume);
  };
}

async function openLimited(
  open: OpenMessage,
  rateLimit: RateLimit,
  grants: Grants,
  facts: MessageFacts,
  resume: () => void,
): Promise<OpenMessageAnswer> {
  const refusal =
    checkSize(grants, facts.envelope.parameters.size) ??
    (await rateLimit.openMessage(facts.session.identity));
  if (refusal !== undefined) return { kind: 'refuse', reply: refusal };
  const opened = await open(facts, resume);
  if (opened.kind === 'refuse') return opened;
  return { kind: 'accept', writer: new LimitedWriter(opened.writer, rateLimit, grants, facts) };
}

class LimitedWriter implements MessageWriter {
  readonly #writer: MessageWriter;
  readonly #rateLimit: RateLimit;
  readonly #grants: Grants;
  readonly #facts: MessageFacts;
  #octets = 0;
  #tooLarge: Reply | undefined;

  constructor(writer: MessageWriter, rateLimit: RateLimit, grants: Grants, facts: MessageFacts) {
    this.#writer = writer;
    this.#rateLimit = rateLimit;
    this.#grants = grants;
    this.#facts = facts;
  }

  /** The size is that of the message as it is stored, as for the limit of the listener. */
  write(span: Buffer, received?: Buffer): boolean {
    this.#octets += span.length;
    // The rest of a message that is too large is read and discarded: SMTP has no reply before the end of the data.
    if (this.#tooLarge !== undefined) return true;
    this.#tooLarge = checkSize(this.#grants, this.#octets);
    if (this.#tooLarge === undefined) return this.#writer.write(span, received);
    this.#writer.discard('too-large');
    return true;
  }

  async commit(): Promise<Reply | readonly Reply[]> {
    if (this.#tooLarge !== undefined) return this.#tooLarge;
    const refusal = await this.#rateLimit.takeMessage(this.#facts.session.identity, this.#octets);
    if (refusal === undefined) return this.#writer.commit();
    this.#writer.discard('refused');
    return refusal;
  }

  discard(cause: DiscardCause): void {
    if (this.#tooLarge === undefined) this.#writer.discard(cause);
  }
}
