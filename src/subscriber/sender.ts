// Who sent a mail, for code that acts on it: only what was proved.
import type { MailNotification } from './mail-notification.ts';
import type { SesNotification } from './ses-notification.ts';

/** A notification, or what a handler gets of a mail. */
export type MailWithSender = SesNotification | Pick<MailNotification, 'notification'>;

/**
 * The domain that is proved to have sent the mail, in lower case and A-labels: the one of its one From address. `undefined`
 * where there is no proof, whatever the mail says of itself: authentication failed, DNS did not answer, the listener checks no
 * sender, or the notification is from Amazon SES, which does not say what was judged.
 */
export function senderDomain(mail: MailWithSender): string | undefined {
  return provedSender(mail)?.domain;
}

/**
 * Whether the mail is proved to come from `address`, as `isFrom(notification, 'ann@example.com')`. What is proved is the
 * domain; which of its users wrote the mail is for that domain to know. Case does not count, except in letters beyond
 * ASCII before the `@`; the domain may be given as Unicode or in A-labels.
 */
export function isFrom(mail: MailWithSender, address: string): boolean {
  const sender = provedSender(mail);
  const wanted = splitAddress(address);
  const found = sender && splitAddress(sender.address);
  if (wanted === undefined || found === undefined) return false;
  return (
    found.localPart === wanted.localPart &&
    found.domain === wanted.domain &&
    found.domain === sender?.domain
  );
}

interface ProvedSender {
  readonly domain: string;
  readonly address: string;
}

/** Asks for `true` and for texts: what it gets has come over a network, and was perhaps not validated. */
function provedSender(mail: MailWithSender): ProvedSender | undefined {
  const notification =
    'mailsluice' in mail ? mail : 'notification' in mail ? mail.notification : undefined;
  const sender = notification?.mailsluice?.sender;
  if (sender?.authenticated !== true) return undefined;
  const { domain, address } = sender;
  if (typeof domain !== 'string' || domain === '') return undefined;
  return { domain: domain.toLowerCase(), address: typeof address === 'string' ? address : '' };
}

/** `undefined`: no address. The URL parser of the platform converts the domain (UTS 46). */
function splitAddress(
  address: string,
): { readonly localPart: string; readonly domain: string } | undefined {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (at < 1 || !/^[^\s/:?#[\]@\\%<>]+$/.test(domain)) return undefined;
  // Unicode has letters whose small form is an ASCII letter: those are another mailbox.
  const localPart = address.slice(0, at).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  try {
    return { localPart, domain: new URL(`http://${domain}`).hostname.replace(/\.$/, '') };
  } catch {
    return undefined;
  }
}
