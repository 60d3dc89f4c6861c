// One run of AUTH as RFC 4954 section 4 has it: the argument of the command, base64, and `*`. What the octets
// mean is for the mechanism's exchange.
import { parseBase64 } from './base64.ts';
import { isSafeForAuth, offeredMechanisms } from '../ehlo.ts';
import type { Rule } from '../replies.ts';
import type { SessionOptions } from '../session-options.ts';
import type { SignInAnswer } from '../sign-in.ts';
import type { Exchange, ExchangeContext, Step } from './exchange.ts';
import { findMechanism } from './mechanisms.ts';

/** A step of the exchange, or the rule by which the dialogue is broken off. */
export type DialogueStep =
  | Exclude<Step, { kind: 'malformed' }>
  | { readonly kind: 'broken'; readonly rule: Rule };

/** The way from the AUTH command to its last reply. */
export class Dialogue {
  readonly mechanism: string;
  readonly #exchange: Exchange;

  constructor(mechanism: string, exchange: Exchange) {
    this.mechanism = mechanism;
    this.#exchange = exchange;
  }

  /** The first step, with the initial response or without one. */
  begin(initialResponse: string | undefined): DialogueStep {
    if (initialResponse === undefined) return judge(this.#exchange.begin());
    // "=" is an initial response of no octets (RFC 4954 section 4).
    return this.#respond(initialResponse === '=' ? '' : initialResponse);
  }

  /** The client's line in answer to a 334. */
  read(line: string): DialogueStep {
    return line === '*' ? broken('exchange-cancelled') : this.#respond(line);
  }

  answered(answer: SignInAnswer): DialogueStep {
    return judge(this.#exchange.answered(answer));
  }

  #respond(base64: string): DialogueStep {
    const response = parseBase64(base64);
    return response === undefined
      ? broken('invalid-base64')
      : judge(this.#exchange.respond(response));
  }
}

/** What an AUTH command begins, or the rule by which it begins nothing. */
export type Begun =
  | { readonly ok: true; readonly dialogue: Dialogue; readonly initialResponse: string | undefined }
  | { readonly ok: false; readonly rule: Rule };

/** Parses what follows `AUTH `: mechanism [ SP initial-response ]. */
export function beginDialogue(
  argument: string,
  options: SessionOptions,
  context: ExchangeContext,
): Begun {
  const { facts } = context;
  if (options.auth === 'none') return { ok: false, rule: 'not-implemented' };
  if (facts.identity !== null) return { ok: false, rule: 'already-signed-in' };
  if (!isSafeForAuth(options, facts)) return { ok: false, rule: 'tls-required-for-auth' };

  const space = argument.indexOf(' ');
  const name = (space === -1 ? argument : argument.slice(0, space)).toUpperCase();
  const initialResponse = space === -1 ? undefined : argument.slice(space + 1);
  if (name === '' || initialResponse?.includes(' ') === true) {
    return { ok: false, rule: 'argument-syntax' };
  }
  const offered = offeredMechanisms(options, context);
  const mechanism = offered.includes(name)
    ? findMechanism(name, options.customMechanisms)
    : undefined;
  if (mechanism === undefined) return { ok: false, rule: 'unknown-mechanism' };
  const dialogue = new Dialogue(name, mechanism.start(context, offered));
  return { ok: true, dialogue, initialResponse };
}

function judge(step: Step): DialogueStep {
  return step.kind === 'malformed' ? broken('malformed-response') : step;
}

function broken(rule: Rule): DialogueStep {
  return { kind: 'broken', rule };
}
