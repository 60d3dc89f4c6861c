// EXTERNAL: RFC 4422 appendix A. The client's certificate names the user.
import { isUtf8 } from 'node:buffer';
import { NUL } from '../grammar/ascii.ts';
import type { TlsFacts } from '../session-facts.ts';
import type { SignInAnswer } from '../sign-in.ts';
import {
  EMPTY_CHALLENGE,
  type Exchange,
  MALFORMED,
  type Mechanism,
  type Step,
  conclude,
} from './exchange.ts';

type ClientCertificate = NonNullable<TlsFacts['clientCertificate']>;

class ExternalExchange implements Exchange {
  readonly #certificate: ClientCertificate | undefined;

  constructor(certificate: ClientCertificate | undefined) {
    this.#certificate = certificate;
  }

  begin(): Step {
    return EMPTY_CHALLENGE;
  }

  /** The response is the identity to act as, or empty. */
  respond(response: Buffer): Step {
    const certificate = this.#certificate;
    if (certificate === undefined || !isUtf8(response) || response.includes(NUL)) return MALFORMED;
    const { subject, fingerprint256 } = certificate;
    return {
      kind: 'ask',
      question: {
        kind: 'sign-in',
        attempt: {
          kind: 'certificate',
          mechanism: 'EXTERNAL',
          authorizationId: response.toString('utf8'),
          subject,
          fingerprint256,
        },
      },
    };
  }

  answered(answer: SignInAnswer): Step {
    return conclude(answer);
  }
}

export const external: Mechanism = {
  name: 'EXTERNAL',
  isOffered: ({ facts }) => facts.tls?.clientCertificate !== undefined,
  start: ({ facts }) => new ExternalExchange(facts.tls?.clientCertificate),
};
