// The mails that one command works on: those that are named, or those of a selection, up to a limit.
import { findMails } from './find-mail.ts';
import type { Place } from './list-mail.ts';
import { type SelectedMail, selectMail, type SelectOptions } from './select-mail.ts';
import type { Selection } from './selection.ts';

export interface MailScope {
  /** messageIds or keys. Where there are any, the selection only says under which prefixes they are. */
  readonly mails: readonly string[];
  readonly selection: Selection;
  /** Default: all of them. */
  readonly limit?: number | undefined;
}

export interface ScopeOptions {
  /** Where an earlier run of the same selection ended. */
  readonly after?: SelectOptions['after'] | undefined;
  /** Whether a mail counts against the limit. Default: each does. */
  readonly isCounted?: (mail: SelectedMail) => boolean;
}

export async function* selectScope(
  place: Place,
  { mails, selection, limit = Infinity }: MailScope,
  { after, isCounted = () => true }: ScopeOptions = {},
): AsyncGenerator<SelectedMail> {
  let count = 0;
  if (count >= limit) return;
  const all =
    mails.length > 0
      ? findMails(place, selection.prefixes, mails)
      : selectMail(place, selection, { ...(after && { after }) });
  for await (const mail of all) {
    yield mail;
    if (isCounted(mail)) count += 1;
    if (count >= limit) return;
  }
}
