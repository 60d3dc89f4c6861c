// AUTH, from the command to its last reply (RFC 4954 section 4): the base64, the `334`, the `*`, the questions
// and the limits. The octets of the responses are the mechanism's.
import { asRefusal } from './answers.ts';
import { CR } from './grammar/ascii.ts';
import { parseAuth } from './grammar/auth-command.ts';
import { AUTH_LINE_OCTETS } from './input.ts';
import { rendered } from './render-reply.ts';
import { type Rule, challengeLine, sharedReplies } from './replies.ts';
import { parseBase64 } from './sasl/base64.ts';
import type { SignInQuestion, Step, StepAnswer, Wait } from './sasl/exchange.ts';
import { findMechanism, isSafeForAuth, offeredMechanisms } from './sasl/mechanisms.ts';
import type { Identity } from './session-facts.ts';
import type { SignInAnswer } from './sign-in.ts';
import { Event, type State } from './state.ts';
import type { Turn } from './turn.ts';
import { isSafeName } from './user-name.ts';

type InExchange = Extract<State, { name: 'exchange' }>;
type Refusal = Extract<Step, { kind: 'refuse' }>;

export function checkAuth(turn: Turn, argument: string): void {
  const { options, facts, channelBinding } = turn.context;
  if (options.auth === 'none') return turn.refuse('AUTH', 'not-implemented');
  if (facts.identity !== null) return turn.refuse('AUTH', 'already-signed-in');
  if (!isSafeForAuth(options, facts)) return turn.refuse('AUTH', 'tls-required-for-auth');

  const auth = parseAuth(argument, options.addressSyntax === 'internet');
  if (auth === undefined) return turn.refuse('AUTH', 'argument-syntax');
  const { mechanism: name, initialResponse } = auth;
  const context = { facts, channelBinding };
  const offered = offeredMechanisms(options, context);
  const mechanism = offered.includes(name)
    ? findMechanism(name, options.customMechanisms)
    : undefined;
  if (mechanism === undefined) return turn.refuse('AUTH', 'unknown-mechanism');

  const exchange = mechanism.start(context, offered);
  const state: InExchange = { name: 'exchange', mechanism: name, exchange };
  turn.step(Event.AUTH, state);
  turn.isAttemptAnswered = false;
  if (initialResponse === undefined) return takeStep(turn, state, exchange.begin());
  return respond(turn, state, initialResponse);
}

/** Reads the client's line in response to a 334. */
export function readResponse(turn: Turn, state: InExchange): void {
  const { chunk, lineStart, lineEnd, lineOctets } = turn.input;
  if (lineOctets > AUTH_LINE_OCTETS) return breakOff(turn, 'exchange-line-too-long');
  if (chunk[lineEnd - 1] !== CR) return breakOff(turn, 'bare-newline-in-command');
  const line = chunk.toString('latin1', lineStart, lineEnd - 1);
  return line === '*' ? breakOff(turn, 'exchange-cancelled') : respond(turn, state, line);
}

function respond(turn: Turn, state: InExchange, base64: string): void {
  const response = parseBase64(base64);
  if (response === undefined) return breakOff(turn, 'invalid-base64');
  return takeStep(turn, state, state.exchange.respond(response));
}

/** Acts on the answer to the question that the exchange asked. */
export function proceedAuth(turn: Turn, state: InExchange, answer: SignInAnswer): void {
  turn.isAttemptAnswered = true;
  takeStep(turn, state, state.exchange.answered(answer));
}

/** Goes on with the step that the exchange waited for. */
export function proceedStep(turn: Turn, state: InExchange, answer: StepAnswer): void {
  takeStep(turn, state, answer.kind === 'step' ? answer.step : answer);
}

function takeStep(turn: Turn, { mechanism }: InExchange, step: Step | Wait): void {
  switch (step.kind) {
    case 'wait':
      return turn.ask('AUTH', { kind: 'sign-in-step', on: step.on });
    case 'challenge':
      return turn.say(challengeLine(step.data));
    case 'ask':
      if (hasUnsafeName(step.question)) return breakOff(turn, 'malformed-response');
      return turn.ask('AUTH', step.question);
    case 'accept':
      return signIn(turn, step.identity);
    case 'refuse':
      return refuseSignIn(turn, mechanism, step);
    case 'malformed':
      return breakOff(turn, 'malformed-response');
  }
}

function signIn(turn: Turn, identity: Identity): void {
  const { mechanism, username } = identity;
  turn.step(Event['exchange-over']);
  turn.learn({ identity });
  turn.say(rendered.signedIn);
  turn.note({ kind: 'signed-in', mechanism, username });
}

function refuseSignIn(turn: Turn, mechanism: string, step: Refusal): void {
  const reply = asRefusal(step.reply, sharedReplies.signInUnavailable);
  const { code } = reply;
  turn.step(Event['exchange-over']);
  turn.note({ kind: 'sign-in-refused', mechanism, code });
  if (code >= 500) turn.signInFailures++;
  turn.refuseWith('AUTH', reply, step.rule);
  endAfterFailures(turn);
}

function hasUnsafeName(question: SignInQuestion): boolean {
  if (question.kind !== 'sign-in') return false;
  const { attempt } = question;
  const names = [
    'username' in attempt ? attempt.username : '',
    'authorizationId' in attempt ? (attempt.authorizationId ?? '') : '',
    'subject' in attempt ? attempt.subject : '',
  ];
  return !names.every(isSafeName);
}

/** Ends the exchange without an identity. If the client has learned something by then, that is a sign-in that failed. */
function breakOff(turn: Turn, rule: Rule): void {
  turn.step(Event['exchange-over']);
  if (turn.isAttemptAnswered) turn.signInFailures++;
  turn.refuse('AUTH', rule);
  endAfterFailures(turn);
}

function endAfterFailures(turn: Turn): void {
  if (turn.signInFailures > turn.context.options.maxSignInFailures) {
    turn.farewell('too-many-sign-in-failures');
  }
}
