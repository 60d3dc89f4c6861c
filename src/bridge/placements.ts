// One mail may become several objects: one for each distinct prefix that the routes of its recipients name.
import type { Routes } from '../policy/routes.ts';
import type { MessageFacts, Recipient } from '../smtp/index.ts';
import type { RecordedRecipient } from './contract/mail-record.ts';
import { messageId } from './contract/message-id.ts';
import { objectKeyPrefix } from './contract/object-key.ts';
import type { Destination, MailboxOf } from './options.ts';

/** One object to store and to announce, with its recipients. */
export interface Placement {
  readonly messageId: string;
  readonly key: string;
  readonly topicArn: string;
  readonly recipients: readonly RecordedRecipient[];
}

export interface PlacementOptions {
  /** For recipients whose route names no prefix. */
  readonly prefix: string;
  readonly topicArn: string;
  readonly mailboxOf?: MailboxOf | undefined;
  readonly routes?: Routes | undefined;
  /** The sender's own destination. It wins over routes. */
  readonly destinationOf?: ((facts: MessageFacts) => Destination | undefined) | undefined;
}

/** Gives the placements of a mail, in the order of their first recipients. */
export type PlanPlacements = (facts: MessageFacts) => readonly Placement[];

/**
 * The first placement has the mail's own messageId, which the client hears. Each further one gets another id, so that
 * a subscriber that remembers messageIds does not drop it as a duplicate.
 */
export function planPlacements(facts: MessageFacts, options: PlacementOptions): Placement[] {
  const destination = options.destinationOf?.(facts);
  const byPrefix = new Map<string, Recipient[]>();
  for (const recipient of facts.envelope.recipients) {
    const prefix = destination?.prefix ?? routedPrefix(options.routes, recipient) ?? options.prefix;
    const group = byPrefix.get(prefix);
    if (group === undefined) byPrefix.set(prefix, [recipient]);
    else group.push(recipient);
  }
  return [...byPrefix].map(([prefix, recipients], index) => {
    const id = index === 0 ? facts.messageId : messageId(facts.receivedAt);
    return {
      messageId: id,
      key: objectKeyPrefix(prefix, facts.receivedAt) + id,
      topicArn: destination?.topicArn ?? options.topicArn,
      recipients: markRepeated(recipients, options.mailboxOf),
    };
  });
}

/** Routes cannot tell the spellings of a mailbox apart, so all of them are in one placement. */
function markRepeated(
  recipients: readonly Recipient[],
  mailboxOf: MailboxOf = ({ address }) => address,
): RecordedRecipient[] {
  if (recipients.length === 1) return [...recipients];
  const seen = new Set<string>();
  return recipients.map((recipient) => {
    const mailbox = mailboxOf(recipient.forwardPath);
    if (seen.has(mailbox)) return { ...recipient, isRepeated: true };
    seen.add(mailbox);
    return recipient;
  });
}

function routedPrefix(routes: Routes | undefined, { forwardPath }: Recipient): string | undefined {
  const match = routes?.match(forwardPath);
  return match?.kind === 'accept' ? match.prefix : undefined;
}
