// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: RFC 5802 and RFC 7677. The client proves that it knows the password,
// and the server that it holds a verifier of it; the password itself is never sent.
import { isUtf8 } from 'node:buffer';
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Identity } from '../session-facts.ts';
import type { ScramVerifier, SignInAnswer } from '../sign-in.ts';
import {
  type ChannelBindingType,
  EMPTY_CHALLENGE,
  type Exchange,
  type ExchangeContext,
  MALFORMED,
  type Mechanism,
  type Step,
} from './exchange.ts';
import {
  type ClientFinal,
  type ClientFirst,
  parseClientFinal,
  parseClientFirst,
} from './scram-message.ts';

/** What has happened so far. */
type Stage =
  | { readonly name: 'began' }
  | { readonly name: 'named'; readonly first: ClientFirst }
  | {
      readonly name: 'challenged';
      readonly first: ClientFirst;
      readonly serverFirst: string;
      readonly nonce: string;
      readonly verifiers: readonly ScramVerifier[];
    }
  /** The proof was checked; `serverSignature` is absent if it was wrong. */
  | { readonly name: 'checked'; readonly serverSignature: Buffer | undefined }
  /** The client was accepted, and was sent the server's signature. */
  | { readonly name: 'accepted'; readonly identity: Identity };

const HASH = 'sha256';
/** As good as the 18 octets that RFC 7677 section 3 shows, in base64. */
const NONCE_OCTETS = 18;

class ScramExchange implements Exchange {
  readonly #mechanism: string;
  readonly #isPlus: boolean;
  readonly #context: ExchangeContext;
  readonly #isPlusOffered: boolean;
  readonly #makeNonce: () => string;
  #stage: Stage = { name: 'began' };

  constructor(
    mechanism: string,
    context: ExchangeContext,
    offered: readonly string[],
    makeNonce: () => string,
  ) {
    this.#mechanism = mechanism;
    this.#isPlus = mechanism === PLUS;
    this.#context = context;
    this.#isPlusOffered = offered.includes(PLUS);
    this.#makeNonce = makeNonce;
  }

  begin(): Step {
    return EMPTY_CHALLENGE;
  }

  respond(response: Buffer): Step {
    if (!isUtf8(response)) return MALFORMED;
    const text = response.toString('utf8');
    const stage = this.#stage;
    if (stage.name === 'began') return this.#takeFirst(text);
    if (stage.name === 'challenged') return this.#takeFinal(stage, text);
    // The client has seen the server's signature and has nothing to add (RFC 4954 section 4).
    if (stage.name === 'accepted' && text === '') {
      return { kind: 'accept', identity: stage.identity };
    }
    return MALFORMED;
  }

  answered(answer: SignInAnswer): Step {
    const stage = this.#stage;
    if (answer.kind === 'refuse') return answer;
    if (stage.name === 'named' && answer.kind === 'verify') {
      return this.#challenge(stage, answer.verifiers);
    }
    if (stage.name === 'checked' && answer.kind === 'accept') {
      if (stage.serverSignature === undefined) {
        throw new TypeError('sign-in: a proof that was wrong cannot be accepted');
      }
      this.#stage = { name: 'accepted', identity: answer.identity };
      const message = `v=${stage.serverSignature.toString('base64')}`;
      return { kind: 'challenge', data: Buffer.from(message) };
    }
    throw new TypeError(`sign-in: ${answer.kind} is no answer to SCRAM here`);
  }

  #takeFirst(text: string): Step {
    const first = parseClientFirst(text);
    if (first === undefined || (first.binding.kind === 'bound') !== this.#isPlus) return MALFORMED;
    // "I could bind, but you cannot": we can, so someone between us took -PLUS out of our EHLO (RFC 5802
    // section 6, downgrade attack).
    if (first.binding.kind === 'could-bind' && this.#isPlusOffered) return MALFORMED;
    if (first.binding.kind === 'bound' && this.#bindingOctets(first.binding.type) === undefined) {
      return MALFORMED;
    }
    this.#stage = { name: 'named', first };
    const { username, authorizationId } = first;
    return {
      kind: 'ask',
      question: {
        kind: 'sign-in',
        attempt: {
          kind: 'scram',
          mechanism: this.#mechanism,
          username,
          ...(authorizationId !== '' && { authorizationId }),
        },
      },
    };
  }

  /** server-first-message (RFC 5802 section 7). */
  #challenge(
    { first }: Extract<Stage, { name: 'named' }>,
    verifiers: readonly ScramVerifier[],
  ): Step {
    const [verifier] = verifiers;
    if (verifier === undefined) throw new TypeError('sign-in: verify needs a verifier');
    const nonce = `${first.nonce}${this.#makeNonce()}`;
    const { salt, iterations } = verifier;
    const serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`;
    this.#stage = { name: 'challenged', first, serverFirst, nonce, verifiers };
    return { kind: 'challenge', data: Buffer.from(serverFirst) };
  }

  #takeFinal(stage: Extract<Stage, { name: 'challenged' }>, text: string): Step {
    const final = parseClientFinal(text);
    if (final === undefined) return MALFORMED;
    const verified = this.#verify(stage, final);
    this.#stage = { name: 'checked', serverSignature: verified?.serverSignature };
    const proved = verified !== undefined;
    return {
      kind: 'ask',
      question: { kind: 'settle-sign-in', proved, ...(verified && { fitting: verified.verifier }) },
    };
  }

  /** The verifier that the client's proof fits, if it fits one, and the server's signature by it. */
  #verify(
    { first, serverFirst, nonce, verifiers }: Extract<Stage, { name: 'challenged' }>,
    final: ClientFinal,
  ): { readonly verifier: ScramVerifier; readonly serverSignature: Buffer } | undefined {
    const binding =
      first.binding.kind === 'bound' ? this.#bindingOctets(first.binding.type) : undefined;
    const bound = Buffer.concat([Buffer.from(first.header), binding ?? Buffer.alloc(0)]);
    const isBound = isSame(final.channelBinding, bound);
    const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`;
    let verified:
      | { readonly verifier: ScramVerifier; readonly serverSignature: Buffer }
      | undefined;
    // All of them, so that the time does not tell which one fits.
    for (const verifier of verifiers) {
      if (isProved(verifier, authMessage, final.proof)) {
        const serverSignature = createHmac(HASH, verifier.serverKey).update(authMessage).digest();
        verified = { verifier, serverSignature };
      }
    }
    return isBound && final.nonce === nonce ? verified : undefined;
  }

  #bindingOctets(type: string): Buffer | undefined {
    return isChannelBindingType(type) ? this.#context.channelBinding?.(type) : undefined;
  }
}

/** H(ClientProof XOR ClientSignature) is StoredKey (RFC 5802 section 3). */
function isProved(verifier: ScramVerifier, authMessage: string, proof: Buffer): boolean {
  const clientKey = createHmac(HASH, verifier.storedKey).update(authMessage).digest();
  if (proof.length !== clientKey.length) return false;
  for (let at = 0; at < clientKey.length; at++) {
    clientKey.writeUInt8(clientKey.readUInt8(at) ^ proof.readUInt8(at), at);
  }
  return isSame(createHash(HASH).update(clientKey).digest(), verifier.storedKey);
}

function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function isChannelBindingType(type: string): type is ChannelBindingType {
  return type === 'tls-exporter' || type === 'tls-server-end-point';
}

const PLAIN_NAME = 'SCRAM-SHA-256';
const PLUS = 'SCRAM-SHA-256-PLUS';

/** SCRAM without channel binding; the nonce is for tests to say. */
export function scramSha256(makeNonce: () => string = randomNonce): Mechanism {
  return {
    name: PLAIN_NAME,
    isOffered: () => true,
    start: (context, offered) => new ScramExchange(PLAIN_NAME, context, offered, makeNonce),
  };
}

/** SCRAM bound to the TLS under it, offered where the driver can tell what binds. */
export function scramSha256Plus(makeNonce: () => string = randomNonce): Mechanism {
  return {
    name: PLUS,
    isOffered: ({ channelBinding }) =>
      channelBinding?.('tls-exporter') !== undefined ||
      channelBinding?.('tls-server-end-point') !== undefined,
    start: (context, offered) => new ScramExchange(PLUS, context, offered, makeNonce),
  };
}

function randomNonce(): string {
  return randomBytes(NONCE_OCTETS).toString('base64');
}
