// EHLO, HELO and LHLO, and the commands after which a session begins anew: STARTTLS and XCLIENT.
import { ehloLines, startTls, xclient } from './extensions.ts';
import { hasNoControls, isPrintable } from './grammar/ascii.ts';
import type { Verb } from './grammar/command-line.ts';
import { parseXclient } from './grammar/xclient-command.ts';
import { rendered, renderReply } from './render-reply.ts';
import { greeting, heloReply, withText } from './replies.ts';
import type { Reply } from './reply.ts';
import type { SessionOptions } from './session-options.ts';
import { Event } from './state.ts';
import type { Greeted, Turn } from './turn.ts';

/** RFC 1035 section 2.3.4; what follows EHLO need not be a domain that exists. */
const CLIENT_DOMAIN_OCTETS = 255;

export function checkHelo(turn: Turn, verb: 'EHLO' | 'HELO' | 'LHLO', clientDomain: string): void {
  // RFC 2033 section 4.1: LMTP has LHLO, and only LHLO.
  const isLmtp = turn.context.options.protocol === 'lmtp';
  if ((verb === 'LHLO') !== isLmtp) return turn.refuse(verb, 'unknown-command');
  const isTaken =
    turn.context.options.addressSyntax === 'strict'
      ? clientDomain.length <= CLIENT_DOMAIN_OCTETS &&
        !clientDomain.includes(' ') &&
        isPrintable(clientDomain)
      : hasNoControls(clientDomain);
  if (clientDomain === '' || !isTaken) return turn.refuse(verb, 'argument-syntax');
  const { greeted, context } = turn;
  const isKnown =
    greeted?.verb === verb &&
    context.facts.clientDomain === clientDomain &&
    greeted.identity === context.facts.identity;
  // The same again: nothing has changed since it was asked about.
  if (isKnown) return greet(turn, greeted);
  return turn.ask(verb, { kind: 'helo', clientDomain });
}

export function proceedHelo(
  turn: Turn,
  verb: Verb,
  clientDomain: string,
  reply: Reply | undefined,
): void {
  const protocol = verb === 'HELO' ? 'SMTP' : verb === 'EHLO' ? 'ESMTP' : 'LMTP';
  turn.learn({ clientDomain, protocol });
  // RFC 5321 section 4.1.1.1: the host name comes first, and the extensions must be announced.
  const first = withText(turn.context.options.hostname, reply);
  const text =
    verb === 'HELO'
      ? renderReply(heloReply(first))
      : turn.fixed.ehlo(ehloLines(turn.context, first));
  turn.greeted = { verb, identity: turn.context.facts.identity, text };
  greet(turn, turn.greeted);
}

function greet(turn: Turn, { verb, text }: Greeted): void {
  turn.discardMessage();
  turn.step(Event[verb]);
  turn.say(text);
}

/** RFC 3207 section 4.2: all that was learned in the clear is forgotten, unread octets included. */
export function checkStartTls(turn: Turn, argument: string): void {
  const { options, facts } = turn.context;
  if (argument !== '') return turn.refuse('STARTTLS', 'argument-syntax');
  if (facts.tls !== null) return turn.refuse('STARTTLS', 'tls-active');
  if (!startTls.isOffered(turn.context)) return turn.refuse('STARTTLS', 'not-implemented');
  turn.say(rendered.readyForTls);
  turn.flush();
  turn.outputs.push({ kind: 'upgrade-tls' });
  turn.learn({ clientDomain: '', protocol: firstProtocol(options), identity: null });
  turn.step(Event.STARTTLS);
  turn.input.forget();
  return undefined;
}

/** The session begins anew, for the client that the proxy speaks for. */
export function becomeProxied(turn: Turn, argument: string): void {
  const { options } = turn.context;
  if (!xclient.isOffered(turn.context)) return turn.refuse('XCLIENT', 'xclient-denied');
  const proxied = parseXclient(argument);
  if (proxied === undefined) return turn.refuse('XCLIENT', 'argument-syntax');
  const forgotten = { clientDomain: '', protocol: firstProtocol(options), identity: null };
  turn.learn({ ...forgotten, ...proxied });
  turn.step(Event.XCLIENT);
  return turn.reply(greeting(options));
}

/** The protocol before EHLO, HELO or LHLO. */
export function firstProtocol({ protocol }: SessionOptions): 'LMTP' | 'SMTP' {
  return protocol === 'lmtp' ? 'LMTP' : 'SMTP';
}
