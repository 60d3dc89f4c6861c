// OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's forerunner of it): a token in place of a password.
import { isUtf8 } from 'node:buffer';
import { refusals } from '../replies.ts';
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

/** The client's response: who it is, if it says so, and its token, if it has one. */
interface BearerResponse {
  readonly username: string;
  readonly token: string | undefined;
}

type Refusal = Extract<Step, { kind: 'refuse' }>;

/** Control-A, which ends every key and value. */
const SEPARATOR = '\x01';
const BEARER = 'bearer ';

class BearerExchange implements Exchange {
  readonly #mechanism: string;
  readonly #parse: (text: string) => BearerResponse | undefined;
  readonly #failure: string;
  #refusal: Refusal | undefined;

  constructor(
    mechanism: string,
    parse: (text: string) => BearerResponse | undefined,
    failure: string,
  ) {
    this.#mechanism = mechanism;
    this.#parse = parse;
    this.#failure = failure;
  }

  begin(): Step {
    return EMPTY_CHALLENGE;
  }

  respond(response: Buffer): Step {
    // The failure was explained, and any response to that ends the exchange (RFC 7628 section 3.2.3).
    if (this.#refusal !== undefined) return this.#refusal;
    const parsed = isUtf8(response) ? this.#parse(response.toString('utf8')) : undefined;
    if (parsed === undefined) return MALFORMED;
    const { username, token } = parsed;
    // No token: the client wants to know what it would need (RFC 7628 section 4.3).
    if (token === undefined) {
      return this.#explain({ kind: 'refuse', reply: refusals['no-token'], rule: 'no-token' });
    }
    return {
      kind: 'ask',
      question: {
        kind: 'sign-in',
        attempt: {
          kind: 'token',
          mechanism: this.#mechanism,
          username,
          token: new Secret(token),
        },
      },
    };
  }

  answered(answer: SignInAnswer): Step {
    // Only an invalid token is explained, not a failure of ours.
    if (answer.kind === 'refuse' && answer.reply.code === 535) return this.#explain(answer);
    return conclude(answer);
  }

  #explain(refusal: Refusal): Step {
    this.#refusal = refusal;
    return { kind: 'challenge', data: Buffer.from(this.#failure) };
  }
}

/** gs2-header kvsep *( key "=" value kvsep ) kvsep (RFC 7628 section 3.1). */
function parseOauthBearer(text: string): BearerResponse | undefined {
  const [header = '', ...rest] = text.split(SEPARATOR);
  const match = /^[ny],(?:a=([^,\0]+))?,$/.exec(header);
  const token = tokenIn(rest);
  if (match === null || token === null) return undefined;
  const username = match[1] ?? '';
  if (username.replaceAll(/=2C|=3D/g, '').includes('=')) return undefined;
  return { username: username.replaceAll('=2C', ',').replaceAll('=3D', '='), token };
}

/** "user=" name ^A "auth=Bearer " token ^A ^A. */
function parseXoauth2(text: string): BearerResponse | undefined {
  const [user = '', ...rest] = text.split(SEPARATOR);
  const token = tokenIn(rest);
  if (!user.startsWith('user=') || user.includes('\0') || !token) return undefined;
  return { username: user.slice(5), token };
}

/** The token among `key=value` pairs that end with two separators; `null` if they are none. */
function tokenIn(pairs: readonly string[]): string | undefined | null {
  if (pairs.at(-1) !== '' || pairs.at(-2) !== '') return null;
  let token: string | undefined;
  for (const pair of pairs.slice(0, -2)) {
    if (!/^[a-z]+=[\t\n\r\x20-\x7e]*$/i.test(pair)) return null;
    if (!pair.toLowerCase().startsWith('auth=')) continue;
    const value = pair.slice(5);
    if (value === '') continue;
    if (value.slice(0, BEARER.length).toLowerCase() !== BEARER) return null;
    token = value.slice(BEARER.length).trim();
  }
  return token === '' ? null : token;
}

export const oauthBearer: Mechanism = {
  name: 'OAUTHBEARER',
  isOffered: () => true,
  start: () =>
    new BearerExchange('OAUTHBEARER', parseOauthBearer, '{"status":"invalid_token","scope":""}'),
};

export const xoauth2: Mechanism = {
  name: 'XOAUTH2',
  isOffered: () => true,
  start: () =>
    new BearerExchange('XOAUTH2', parseXoauth2, '{"status":"401","schemes":"bearer","scope":""}'),
};
