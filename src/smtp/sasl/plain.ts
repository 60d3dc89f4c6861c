// PLAIN: RFC 4616.
import { isUtf8 } from 'node:buffer';
import { NUL } from '../grammar/ascii.ts';
import { Secret } from '../secret.ts';
import type { SignInAnswer } from '../sign-in.ts';
import {
  EMPTY_CHALLENGE,
  type Exchange,
  MALFORMED,
  type Mechanism,
  type Step,
  conclude,
} from './exchange.ts';

class PlainExchange implements Exchange {
  begin(): Step {
    return EMPTY_CHALLENGE;
  }

  /** message = [authzid] NUL authcid NUL passwd (section 2). */
  respond(response: Buffer): Step {
    const first = response.indexOf(NUL);
    const second = response.indexOf(NUL, first + 1);
    if (first === -1 || second === -1 || response.includes(NUL, second + 1)) return MALFORMED;
    if (!isUtf8(response)) return MALFORMED;
    const authorizationId = response.toString('utf8', 0, first);
    const username = response.toString('utf8', first + 1, second);
    const password = response.toString('utf8', second + 1);
    if (username === '' || password === '') return MALFORMED;
    return {
      kind: 'ask',
      question: {
        kind: 'sign-in',
        attempt: {
          kind: 'password',
          mechanism: 'PLAIN',
          username,
          password: new Secret(password),
          ...(authorizationId !== '' && { authorizationId }),
        },
      },
    };
  }

  answered(answer: SignInAnswer): Step {
    return conclude(answer);
  }
}

export const plain: Mechanism = {
  name: 'PLAIN',
  isOffered: () => true,
  start: () => new PlainExchange(),
};
