// One mail may become several objects: one for each distinct place that its recipients' routes name.
import type { Routes } from '../policy/routes.ts';
import type { MessageFacts, Recipient } from '../smtp/index.ts';
import { messageId } from './contract/message-id.ts';
import { objectKeyPrefix } from './contract/object-key.ts';
import type { Destination } from './options.ts';

/** One object to be stored and announced, with its own recipients. */
export interface Copy {
  readonly messageId: string;
  readonly key: string;
  readonly topicArn: string;
  readonly recipients: readonly Recipient[];
}

export interface CopyDefaults {
  readonly prefix: string;
  readonly topicArn: string;
  readonly routes?: Routes | undefined;
}

/**
 * The copies of a mail, in the order of their first recipients. The first has the mail's own messageId, the
 * one that the client hears; further ones get their own, so that a subscriber which remembers messageIds
 * takes none for a repetition.
 */
export function planCopies(
  facts: MessageFacts,
  { prefix, topicArn, routes }: CopyDefaults,
  own: Destination | undefined,
): Copy[] {
  const byPrefix = new Map<string, Recipient[]>();
  for (const recipient of facts.envelope.recipients) {
    const place = own?.prefix ?? routedPrefix(routes, recipient) ?? prefix;
    const group = byPrefix.get(place);
    if (group === undefined) byPrefix.set(place, [recipient]);
    else group.push(recipient);
  }
  return [...byPrefix].map(([place, recipients], index) => {
    const id = index === 0 ? facts.messageId : messageId(facts.receivedAt);
    return {
      messageId: id,
      key: objectKeyPrefix(place, facts.receivedAt) + id,
      topicArn: own?.topicArn ?? topicArn,
      recipients,
    };
  });
}

function routedPrefix(routes: Routes | undefined, { forwardPath }: Recipient): string | undefined {
  const match = routes?.match(forwardPath);
  return match?.kind === 'accept' ? match.prefix : undefined;
}
