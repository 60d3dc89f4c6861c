// Holds one message to the size and the rate of its credential, on its way to whatever stores it.
import type {
  DiscardCause,
  MessageFacts,
  MessageWriter,
  OpenMessage,
  Reply,
} from '../smtp/index.ts';
import { checkSize } from './authorization.ts';
import { type Grants, grantsOf } from './grants.ts';
import type { RateLimit } from './rate-limit.ts';

/** `open`, but only within the size and the rate that the sender's credential grants. */
export function limitMessages(open: OpenMessage, rateLimit: RateLimit): OpenMessage {
  return (facts, drained) => {
    const grants = grantsOf(facts.session.identity);
    const isLimited = grants?.rate !== undefined || grants?.maxMessageSize !== undefined;
    // Who has no limit costs nothing here.
    return isLimited ? openLimited(open, rateLimit, grants, facts, drained) : open(facts, drained);
  };
}

async function openLimited(
  open: OpenMessage,
  rateLimit: RateLimit,
  grants: Grants,
  facts: MessageFacts,
  drained: () => void,
): Promise<MessageWriter | Reply> {
  const refusal =
    checkSize(grants, facts.envelope.parameters.size) ??
    (await rateLimit.openMessage(facts.session.identity));
  if (refusal !== undefined) return refusal;
  const writer = await open(facts, drained);
  return 'code' in writer ? writer : new LimitedWriter(writer, rateLimit, grants, facts);
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

  write(span: Buffer): boolean {
    this.#octets += span.length;
    // The rest of a message that is too large is read and thrown away: a reply before its end is no SMTP.
    if (this.#tooLarge !== undefined) return true;
    this.#tooLarge = checkSize(this.#grants, this.#octets);
    if (this.#tooLarge === undefined) return this.#writer.write(span);
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
