// LOGIN: never standardized (draft-murchison-sasl-login), spoken by everything.
import { isUtf8 } from 'node:buffer';
import { Secret } from '../secret.ts';
import type { SignInAnswer } from '../sign-in.ts';
import { type Exchange, MALFORMED, type Mechanism, type Step, conclude } from './exchange.ts';

// The prompts that clients compare with, colon and all.
const USERNAME_PROMPT: Step = { kind: 'challenge', data: Buffer.from('Username:') };
const PASSWORD_PROMPT: Step = { kind: 'challenge', data: Buffer.from('Password:') };

class LoginExchange implements Exchange {
  #username: string | undefined;

  begin(): Step {
    return USERNAME_PROMPT;
  }

  respond(response: Buffer): Step {
    if (response.length === 0 || !isUtf8(response)) return MALFORMED;
    if (this.#username === undefined) {
      this.#username = response.toString('utf8');
      return PASSWORD_PROMPT;
    }
    return {
      kind: 'ask',
      question: {
        kind: 'sign-in',
        attempt: {
          kind: 'password',
          mechanism: 'LOGIN',
          username: this.#username,
          password: new Secret(response.toString('utf8')),
        },
      },
    };
  }

  answered(answer: SignInAnswer): Step {
    return conclude(answer);
  }
}

export const login: Mechanism = {
  name: 'LOGIN',
  isOffered: () => true,
  start: () => new LoginExchange(),
};
