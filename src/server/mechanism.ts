// A SASL mechanism of the embedder's: as the protocol has it, and its steps may come later.
import type { ExchangeContext, SignInAnswer, Step } from '../smtp/index.ts';
import type { Now } from './hooks.ts';

/**
 * One run of a mechanism, from the AUTH command to its end. A step that comes later than `answerTimeoutSeconds`, or not at all, refuses the client with
 * `454 4.7.0`; a `Refusal` that is thrown refuses it with its reply.
 */
export interface Exchange {
  /** The AUTH command brought no initial response: the first challenge, which may be empty. */
  begin(): Now<Step>;
  /** The client's response, or its initial response, decoded from base64. */
  respond(response: Buffer): Now<Step>;
  /** The answer to the question that was asked. */
  answered(answer: SignInAnswer): Now<Step>;
}

/**
 * A SASL mechanism of your own, for `customMechanisms`.
 *
 * @example
 * const ticket: Mechanism = {
 *   name: 'X-TICKET',
 *   isOffered: ({ facts }) => facts.tls !== null,
 *   start: () => ({
 *     begin: () => ({ kind: 'challenge', data: Buffer.alloc(0) }),
 *     async respond(response) {
 *       const username = await redeem(response.toString());
 *       if (username === undefined) throw new Refusal(535, '7.8', 'No such ticket');
 *       return { kind: 'accept', identity: { username, mechanism: 'X-TICKET' } };
 *     },
 *     answered: () => ({ kind: 'malformed' }),
 *   }),
 * };
 */
export interface Mechanism {
  /** In capitals, as EHLO shows it. */
  readonly name: string;
  /** Whether it works in this session as it is now; if not, it is neither announced nor accepted. */
  isOffered(context: ExchangeContext): boolean;
  /** `offered` are the names of all mechanisms that the session offers now. */
  start(context: ExchangeContext, offered: readonly string[]): Exchange;
}
