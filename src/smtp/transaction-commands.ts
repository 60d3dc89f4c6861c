// MAIL and RCPT: checked by what the session knows, then asked about, then carried out.
import { parseMail } from './grammar/mail-command.ts';
import { parseRcpt } from './grammar/rcpt-command.ts';
import type { Question } from './question.ts';
import { rendered } from './render-reply.ts';
import type { Rule } from './replies.ts';
import type { Reply } from './reply.ts';
import { Event, transactionOf } from './state.ts';
import { newTransaction, noteUndeclaredUtf8 } from './transaction.ts';
import type { Turn } from './turn.ts';

type ReversePathQuestion = Extract<Question, { kind: 'reverse-path' }>;
type ForwardPathQuestion = Extract<Question, { kind: 'forward-path' }>;

/** RCPTs of a session past the limit that are no errors, as the client may not know it (RFC 5321 section 4.5.3.1.10). */
const RECIPIENT_OVERSHOOT = 1000;

export function checkMail(turn: Turn, argument: string): void {
  const { context } = turn;
  if (turn.transactions >= context.options.maxMessages) return turn.farewell('too-many-messages');
  const mail = parseMail(argument, context);
  if (!mail.ok) return turn.refuse('MAIL', mail.rule);
  const { reversePath, parameters } = mail.value;
  return turn.ask('MAIL', { kind: 'reverse-path', reversePath, parameters });
}

export function proceedMail(
  turn: Turn,
  { reversePath, parameters }: ReversePathQuestion,
  reply: Reply | undefined,
): void {
  turn.transactions++;
  const transaction = newTransaction(reversePath, parameters);
  noteUndeclaredUtf8(transaction, reversePath);
  turn.step(Event.MAIL, { name: 'transaction', transaction });
  if (reply === undefined) turn.say(rendered.senderOk);
  else turn.reply(reply);
}

export function checkRcpt(turn: Turn, argument: string): void {
  const { context } = turn;
  const transaction = transactionOf(turn.state);
  const { envelope, recipients } = transaction;
  const rcpt = parseRcpt(argument, envelope.parameters, context);
  if (!rcpt.ok) {
    transaction.refusedRecipients++;
    return turn.refuse('RCPT', rcpt.rule);
  }
  if (recipients.length >= context.options.maxRecipients) {
    return refuseTooMany(turn, 'too-many-recipients');
  }
  const { forwardPath, parameters } = rcpt.value;
  return turn.ask('RCPT', { kind: 'forward-path', forwardPath, parameters, envelope });
}

function refuseTooMany(turn: Turn, rule: Rule): void {
  turn.refuse('RCPT', rule, ++turn.recipientsTooMany > RECIPIENT_OVERSHOOT);
}

export function proceedRcpt(
  turn: Turn,
  { forwardPath, parameters }: ForwardPathQuestion,
  reply: Reply | undefined,
): void {
  const transaction = transactionOf(turn.state);
  const { maxRecipientDomains } = turn.context.options;
  if (maxRecipientDomains !== undefined) {
    const domains = (transaction.domains ??= new Set());
    const domain = forwardPath.domain.toLowerCase();
    // Not before the question: a recipient that is refused for good must not hear that it may come again.
    if (!domains.has(domain) && domains.size >= maxRecipientDomains) {
      return refuseTooMany(turn, 'too-many-recipient-domains');
    }
    domains.add(domain);
  }
  noteUndeclaredUtf8(transaction, forwardPath);
  transaction.recipients.push({ forwardPath, parameters });
  turn.step(Event.RCPT);
  if (reply === undefined) turn.say(rendered.recipientOk);
  else turn.reply(reply);
  return undefined;
}
