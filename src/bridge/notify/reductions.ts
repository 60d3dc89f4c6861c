// What a notification that is too large for SNS, or that SNS refuses, leaves out: single long texts first, what only
// repeats other parts next, and recipients and addresses last.
import { parseAddressList } from '../../message/address-list.ts';
import { cutText } from '../../message/clean-text.ts';
import type {
  NotifiedEnvelope,
  NotifiedMail,
  ReceivedNotification,
} from '../contract/notification-types.ts';

/** Leaves something out, or gives back `whole` where there is nothing to leave out. */
interface Reduction {
  readonly field: string;
  readonly apply: (whole: ReceivedNotification) => ReceivedNotification;
}

/** In characters. RFC 5322 section 2.1.1 allows 998 in a line, and no usual text comes near it. */
const LONG_TEXT = 1000;
const SHORT_LIST = 10;

const withShortSubject = withShortText('subject');
const withShortMessageId = withShortText('messageId');
const withShortDate = withShortText('date');

function withShortText(name: 'subject' | 'messageId' | 'date'): Reduction {
  return {
    field: `mail.commonHeaders.${name}`,
    apply: (whole) => {
      const { commonHeaders } = whole.mail;
      const text = commonHeaders[name] ?? '';
      if (text.length <= LONG_TEXT) return whole;
      return withMail(whole, {
        commonHeaders: { ...commonHeaders, [name]: cutText(text, LONG_TEXT) },
      });
    },
  };
}

/** Fields with addresses stay. */
const withoutLongHeaders: Reduction = {
  field: 'mail.headers',
  apply: (whole) => {
    const headers = whole.mail.headers.filter(
      ({ name, value }) => value.length <= LONG_TEXT || WITH_ADDRESSES.has(name.toLowerCase()),
    );
    const isCut = headers.length < whole.mail.headers.length;
    return isCut ? withMail(whole, { headers, headersTruncated: true }) : whole;
  },
};

/** Of a mailbox with a long display name, only the address stays. */
const withShortNames: Reduction = {
  field: 'mail.commonHeaders',
  apply: (whole) => {
    const { commonHeaders } = whole.mail;
    const { from, to, cc, bcc, replyTo, sender } = commonHeaders;
    const lists = Object.entries({ from, to, cc, bcc, replyTo });
    const texts = [...lists.flatMap(([, list = []]) => list), sender ?? ''];
    if (texts.every((text) => text.length <= LONG_TEXT)) return whole;
    const short = lists.flatMap(([name, list]) =>
      list === undefined ? [] : [[name, list.map(withoutLongName)] as const],
    );
    return withMail(whole, {
      commonHeaders: {
        ...commonHeaders,
        ...Object.fromEntries(short),
        ...(sender !== undefined && { sender: withoutLongName(sender) }),
      },
    });
  },
};

function withoutLongName(text: string): string {
  if (text.length <= LONG_TEXT) return text;
  const addresses = parseAddressList(text).flatMap(({ address }) =>
    address === '' ? [] : [address],
  );
  return addresses.length === 0 ? cutText(text, LONG_TEXT) : addresses.join(', ');
}

/** Who sent the mail stays; what a stranger may make long does not. */
const withShortFindings: Reduction = {
  field: 'mailsluice.sender',
  apply: (whole) => {
    const { sender } = whole.mailsluice;
    if (sender === undefined) return whole;
    const { address = '', dkim } = sender;
    if (address.length <= LONG_TEXT && dkim.length <= SHORT_LIST) return whole;
    const { address: _, ...rest } = sender;
    const short = {
      ...(address.length > LONG_TEXT ? rest : sender),
      dkim: dkim.slice(0, SHORT_LIST),
    };
    return { ...whole, mailsluice: { ...whole.mailsluice, sender: short } };
  },
};

const withoutSymbols: Reduction = {
  field: 'mailsluice.scan',
  apply: (whole) => {
    const { scan } = whole.mailsluice;
    if (scan?.spam?.symbols === undefined) return whole;
    const { symbols: _, ...spam } = scan.spam;
    return { ...whole, mailsluice: { ...whole.mailsluice, scan: { ...scan, spam } } };
  },
};

const withShortListings: Reduction = {
  field: 'mailsluice.lists',
  apply: (whole) => {
    const { lists = [] } = whole.mailsluice;
    if (lists.length <= SHORT_LIST && lists.every(({ text }) => text === undefined)) return whole;
    const short = lists
      .slice(0, SHORT_LIST)
      .map(({ zone, result, subject }) => ({ zone, result, subject }));
    return { ...whole, mailsluice: { ...whole.mailsluice, lists: short } };
  },
};

const withoutEnvelopeRecipients: Reduction = {
  field: 'mailsluice.envelope.recipients',
  apply: (whole) => withEnvelope(whole, { recipients: [] }),
};

/** What the client chose freely. */
const withoutParameters: Reduction = {
  field: 'mailsluice.envelope',
  apply: (whole) => withEnvelope(whole, { recipients: [], parameters: {} }),
};

const withoutOtherHeaders: Reduction = {
  field: 'mail.headers',
  apply: (whole) => {
    const headers = whole.mail.headers.filter(({ name }) => COMMON.has(name.toLowerCase()));
    const isCut = headers.length < whole.mail.headers.length;
    return isCut ? withMail(whole, { headers, headersTruncated: true }) : whole;
  },
};

const withoutHeaders: Reduction = {
  field: 'mail.headers',
  apply: (whole) => {
    const { headers, headersTruncated } = whole.mail;
    return withMail(whole, {
      headers: [],
      headersTruncated: headersTruncated || headers.length > 0,
    });
  },
};

const withShortLists: Reduction = {
  field: 'mail.commonHeaders',
  apply: (whole) => {
    const { to, cc, bcc, replyTo, from, ...rest } = whole.mail.commonHeaders;
    const lists = { from, to, cc, bcc, replyTo };
    const isShort = [whole.mail.destination, ...Object.values(lists)].every(
      (list = []) => list.length <= SHORT_LIST,
    );
    if (isShort) return whole;
    const kept = Object.entries(lists).flatMap(([name, list]) =>
      list === undefined ? [] : [[name, list.slice(0, SHORT_LIST)] as const],
    );
    return withMail(whole, {
      destination: whole.mail.destination.slice(0, SHORT_LIST),
      commonHeaders: { ...rest, ...Object.fromEntries(kept) },
    });
  },
};

const withoutDestination: Reduction = {
  field: 'mail.destination',
  apply: (whole) => {
    const { returnPath } = whole.mail.commonHeaders;
    return withMail(whole, { destination: [], commonHeaders: { returnPath } });
  },
};

const withFewRecipients: Reduction = {
  field: 'receipt.recipients',
  apply: (whole) => ({
    ...whole,
    receipt: { ...whole.receipt, recipients: whole.receipt.recipients.slice(0, 100) },
  }),
};

/** Left out one after the other until the notification fits. What the contract of SES needs goes last. */
export const FOR_SIZE: readonly Reduction[] = [
  withShortSubject,
  withShortMessageId,
  withShortDate,
  withoutLongHeaders,
  withShortNames,
  withShortFindings,
  withoutSymbols,
  withShortListings,
  withoutEnvelopeRecipients,
  withoutHeaders,
  withShortLists,
  withFewRecipients,
  withoutDestination,
];

/** Left out one after the other until SNS takes the notification. */
export const AFTER_REFUSAL: readonly Reduction[] = [
  withShortSubject,
  withShortMessageId,
  withShortDate,
  withoutLongHeaders,
  withShortNames,
  withShortFindings,
  withoutSymbols,
  withShortListings,
  withoutParameters,
  withoutOtherHeaders,
  withoutHeaders,
  withShortLists,
  withoutDestination,
  withFewRecipients,
];

const WITH_ADDRESSES: ReadonlySet<string> = new Set([
  'bcc',
  'cc',
  'from',
  'reply-to',
  'return-path',
  'sender',
  'to',
]);

/** The header fields that `commonHeaders` is read from. */
const COMMON: ReadonlySet<string> = new Set([...WITH_ADDRESSES, 'date', 'message-id', 'subject']);

/** With one thing less, which it names. */
export function reduce(
  whole: ReceivedNotification,
  { field, apply }: Reduction,
): ReceivedNotification {
  const less = apply(whole);
  return less === whole ? whole : noted(less, field);
}

/** `whole`, which says that it lacks `field`. */
export function noted(whole: ReceivedNotification, field: string): ReceivedNotification {
  const reduced = [...new Set([...(whole.mailsluice.reduced ?? []), field])];
  return { ...whole, mailsluice: { ...whole.mailsluice, reduced } };
}

function withMail(
  whole: ReceivedNotification,
  change: Partial<NotifiedMail>,
): ReceivedNotification {
  return { ...whole, mail: { ...whole.mail, ...change } };
}

function withEnvelope(
  whole: ReceivedNotification,
  change: Partial<NotifiedEnvelope>,
): ReceivedNotification {
  const { mailsluice } = whole;
  return {
    ...whole,
    mailsluice: { ...mailsluice, envelope: { ...mailsluice.envelope, ...change } },
  };
}
