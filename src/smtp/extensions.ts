// The SMTP extensions, one entry each: keyword, when it is offered, its line in the reply to EHLO, and its
// parameters of MAIL and RCPT. EHLO and both parameter parsers read this table, so an extension works exactly
// where it is offered. To add an extension, add an entry.
import {
  parseBy,
  parseHoldFor,
  parseHoldUntil,
  parsePriority,
} from './grammar/delivery-parameters.ts';
import {
  PARAMETER_SYNTAX,
  type Parameter,
  type Parsed,
  Refused,
} from './grammar/esmtp-parameter.ts';
import {
  parseBody,
  parseEnvid,
  parseRet,
  parseSize,
  parseSubmitter,
} from './grammar/mail-parameters.ts';
import {
  parseLooseNotify,
  parseLooseOrcpt,
  parseNotify,
  parseOrcpt,
} from './grammar/rcpt-parameters.ts';
import { XCLIENT_ATTRIBUTES } from './grammar/xclient-command.ts';
import type { MailParameters, RcptParameters } from './parameters.ts';
import type { Rule } from './replies.ts';
import { offeredMechanisms } from './sasl/mechanisms.ts';
import type { SessionContext } from './session-context.ts';
import type { SessionOptions } from './session-options.ts';

/** One extension as the session asks about it. */
export interface Extension {
  readonly keyword: string;
  /** Whether it works in this session as it is now. */
  readonly isOffered: (context: SessionContext) => boolean;
  /** Its line in the reply to EHLO, if it is offered. */
  readonly line: (context: SessionContext) => string | undefined;
  /** Its parameters, by keyword. */
  readonly mail: Readonly<Record<string, KnownParameter<MailParameters>>>;
  readonly rcpt: Readonly<Record<string, KnownParameter<RcptParameters>>>;
  /** The rule against parameters that exclude each other. */
  readonly conflict: ((parameters: MailParameters) => Rule | undefined) | undefined;
}

type Draft<P> = { -readonly [K in keyof P]: P[K] };

/**
 * Stores one parameter in `draft`, or returns the rule that refuses it. `mail` are the parameters of the
 * transaction's MAIL; while MAIL itself is parsed, those before this one.
 */
type KnownParameter<P> = (
  draft: Draft<P>,
  value: string | undefined,
  context: SessionContext,
  mail: MailParameters,
) => Rule | undefined;

/** As `KnownParameter`, once it is known that the extension is offered. */
type OfferedParameter<P, Offer> = (
  draft: Draft<P>,
  value: string | undefined,
  offer: Offer,
  context: SessionContext,
  mail: MailParameters,
) => Rule | undefined;

/** One entry of the table. `Offer` is what the options say of the extension: at least that it is on. */
interface Entry<Offer> {
  readonly keyword: string;
  /** What is offered to the session as it is now; `false` or `undefined`: the extension is not offered. */
  readonly offer: (context: SessionContext) => Offer | false | undefined;
  /** Default: the keyword. `undefined` leaves the line out although the parameters are taken. */
  readonly line?: (offer: Offer, context: SessionContext) => string | undefined;
  readonly mail?: Readonly<Record<string, OfferedParameter<MailParameters, Offer>>>;
  readonly rcpt?: Readonly<Record<string, OfferedParameter<RcptParameters, Offer>>>;
  readonly conflict?: (parameters: MailParameters) => Rule | undefined;
}

const always = (): true => true;

/** CHUNKING (RFC 3030). */
export const chunking = extension({
  keyword: 'CHUNKING',
  offer: ({ options }) => options.chunking !== false,
});

/** BINARYMIME (RFC 3030), which needs CHUNKING, and a listener to which a bare newline is an octet like any other. */
const binaryMime = extension({
  keyword: 'BINARYMIME',
  offer: (context) => context.options.bareNewline === 'accept' && chunking.isOffered(context),
});

/** STARTTLS (RFC 3207), while the session is in the clear. */
export const startTls = extension({
  keyword: 'STARTTLS',
  offer: ({ options, facts }) => options.tls === 'starttls' && facts.tls === null,
});

/** XCLIENT (Postfix), for trusted proxies. */
export const xclient = extension({
  keyword: 'XCLIENT',
  offer: ({ isXclientTrusted }) => isXclientTrusted,
  line: () => `XCLIENT ${XCLIENT_ATTRIBUTES.join(' ')}`,
});

/** All extensions, in the order of their EHLO lines. */
export const extensions: readonly Extension[] = [
  // RFC 2920
  extension({ keyword: 'PIPELINING', offer: always }),
  // RFC 1870
  extension({
    keyword: 'SIZE',
    offer: ({ options }) => options,
    line: ({ maxMessageSize }) => `SIZE ${maxMessageSize}`,
    mail: { SIZE: mailValue('size', parseSize) },
  }),
  // RFC 6152; BODY=BINARYMIME belongs to RFC 3030
  extension({
    keyword: '8BITMIME',
    offer: always,
    mail: {
      BODY: mailValue('body', (value, _, context) =>
        parseBody(value, binaryMime.isOffered(context)),
      ),
    },
  }),
  // RFC 6531
  extension({
    keyword: 'SMTPUTF8',
    offer: ({ options }) => options.smtpUtf8,
    mail: { SMTPUTF8: mailFlag('smtpUtf8') },
  }),
  // RFC 2034
  extension({ keyword: 'ENHANCEDSTATUSCODES', offer: always }),
  chunking,
  binaryMime,
  // RFC 3461
  extension({
    keyword: 'DSN',
    offer: ({ options }) => options.dsn !== false,
    mail: {
      RET: mailValue('ret', parseRet),
      ENVID: mailValue('envid', (value, _, { options }) => parseEnvid(value, options)),
    },
    rcpt: {
      NOTIFY: rcptValue('notify', (value, _, { options }) =>
        options.addressSyntax === 'strict' ? parseNotify(value) : parseLooseNotify(value),
      ),
      ORCPT: rcptValue('orcpt', (value, _, { options }, { smtpUtf8 = false }) =>
        options.addressSyntax === 'strict' ? parseOrcpt(value, smtpUtf8) : parseLooseOrcpt(value),
      ),
    },
  }),
  startTls,
  // RFC 4954. After sign-in it is not announced any more, and MAIL still takes its parameter. So it does where relays
  // send it although it was not offered.
  extension({
    keyword: 'AUTH',
    offer: ({ options }) =>
      (options.auth !== 'none' || options.addressSyntax === 'internet') && options,
    line: (_, context) => {
      const mechanisms = offeredMechanisms(context.options, context);
      return mechanisms.length === 0 ? undefined : `AUTH ${mechanisms.join(' ')}`;
    },
    mail: { AUTH: mailValue('auth', parseSubmitter) },
  }),
  // RFC 8689 section 2: under TLS only
  extension({
    keyword: 'REQUIRETLS',
    offer: ({ options, facts }) => options.requireTlsExtension !== false && facts.tls !== null,
    mail: { REQUIRETLS: mailFlag('requireTls') },
  }),
  // RFC 9422
  extension({
    keyword: 'LIMITS',
    offer: ({ options }) => options.limits !== false && options,
    line: limitsLine,
  }),
  // RFC 6710
  extension({
    keyword: 'MT-PRIORITY',
    offer: ({ options }) => options.mtPriority,
    mail: { 'MT-PRIORITY': mailValue('mtPriority', parsePriority) },
  }),
  // RFC 2852
  extension({
    keyword: 'DELIVERBY',
    offer: ({ options }) => options.deliverBy,
    line: ({ minSeconds }) => `DELIVERBY ${minSeconds}`,
    mail: { BY: mailValue('deliverBy', parseBy) },
  }),
  // RFC 4865
  extension({
    keyword: 'FUTURERELEASE',
    offer: ({ options }) => options.futureRelease,
    line: ({ maxSeconds, maxDateTime }) => `FUTURERELEASE ${maxSeconds} ${maxDateTime}`,
    mail: {
      HOLDFOR: mailValue('holdForSeconds', parseHoldFor),
      HOLDUNTIL: mailValue('holdUntil', parseHoldUntil),
    },
    // Section 3: one of the two
    conflict: ({ holdForSeconds, holdUntil }) =>
      holdForSeconds !== undefined && holdUntil !== undefined ? 'parameter-syntax' : undefined,
  }),
  xclient,
];

const mailParameters = new Map(extensions.flatMap(({ mail }) => Object.entries(mail)));
const rcptParameters = new Map(extensions.flatMap(({ rcpt }) => Object.entries(rcpt)));
const conflicts = extensions.flatMap(({ conflict }) => conflict ?? []);

const NO_MAIL_PARAMETERS: Parsed<MailParameters> = { ok: true, value: {} };
const NO_RCPT_PARAMETERS: Parsed<RcptParameters> = { ok: true, value: {} };

/** The lines of the reply to EHLO: the host name and what is said with it, then one extension each (RFC 5321 section 4.1.1.1). */
export function ehloLines(context: SessionContext, first: string): string[] {
  const lines = [first];
  for (const { line } of extensions) {
    const text = line(context);
    if (text !== undefined) lines.push(text);
  }
  return lines;
}

/** Parses the values of MAIL's parameters. One that is not offered is unknown (RFC 5321 section 4.1.1.11). */
export function parseMailParameters(
  read: readonly Parameter[],
  context: SessionContext,
): Parsed<MailParameters> {
  if (read.length === 0) return NO_MAIL_PARAMETERS;
  const draft: Draft<MailParameters> = {};
  const rule = setAll(draft, read, mailParameters, context, draft) ?? conflictIn(draft);
  return rule === undefined ? { ok: true, value: draft } : { ok: false, rule };
}

/** Parses the values of RCPT's parameters; `mail` are those of the transaction's MAIL. */
export function parseRcptParameters(
  read: readonly Parameter[],
  context: SessionContext,
  mail: MailParameters,
): Parsed<RcptParameters> {
  if (read.length === 0) return NO_RCPT_PARAMETERS;
  const draft: Draft<RcptParameters> = {};
  const rule = setAll(draft, read, rcptParameters, context, mail);
  return rule === undefined ? { ok: true, value: draft } : { ok: false, rule };
}

function setAll<P>(
  draft: Draft<P>,
  read: readonly Parameter[],
  known: ReadonlyMap<string, KnownParameter<P>>,
  context: SessionContext,
  mail: MailParameters,
): Rule | undefined {
  for (const { keyword, value } of read) {
    const set = known.get(keyword);
    if (set === undefined) return 'unknown-parameter';
    const rule = set(draft, value, context, mail);
    if (rule !== undefined) return rule;
  }
  return undefined;
}

function conflictIn(parameters: MailParameters): Rule | undefined {
  for (const conflict of conflicts) {
    const rule = conflict(parameters);
    if (rule !== undefined) return rule;
  }
  return undefined;
}

// How the table is written

function extension<Offer>(entry: Entry<Offer>): Extension {
  const { keyword, offer, line = () => keyword, mail = {}, rcpt = {}, conflict } = entry;
  return {
    keyword,
    isOffered: (context) => isOffer(offer(context)),
    line: (context) => {
      const offered = offer(context);
      return isOffer(offered) ? line(offered, context) : undefined;
    },
    mail: whereOffered(mail, offer),
    rcpt: whereOffered(rcpt, offer),
    conflict,
  };
}

/** The same parameters, refused as unknown where the extension is not offered. */
function whereOffered<P, Offer>(
  parameters: Readonly<Record<string, OfferedParameter<P, Offer>>>,
  offer: Entry<Offer>['offer'],
): Record<string, KnownParameter<P>> {
  const known: Record<string, KnownParameter<P>> = {};
  for (const [keyword, set] of Object.entries(parameters)) {
    known[keyword] = (draft, value, context, mail) => {
      const offered = offer(context);
      return isOffer(offered) ? set(draft, value, offered, context, mail) : 'unknown-parameter';
    };
  }
  return known;
}

function isOffer<Offer>(offer: Offer | false | undefined): offer is Offer {
  return offer !== false && offer !== undefined;
}

/** A parameter of MAIL with a value, stored in `field`. */
function mailValue<Field extends keyof MailParameters, Offer>(
  field: Field,
  parse: (
    value: string,
    offer: Offer,
    context: SessionContext,
  ) => Required<MailParameters>[Field] | Refused,
): OfferedParameter<MailParameters, Offer> {
  return (draft, value, offer, context) => {
    const parsed = value === undefined ? PARAMETER_SYNTAX : parse(value, offer, context);
    if (parsed instanceof Refused) return parsed.rule;
    draft[field] = parsed;
    return undefined;
  };
}

/** A parameter of MAIL that is its keyword alone. */
function mailFlag(field: 'smtpUtf8' | 'requireTls'): OfferedParameter<MailParameters, unknown> {
  return (draft, value) => {
    if (value !== undefined) return 'parameter-syntax';
    draft[field] = true;
    return undefined;
  };
}

/** A parameter of RCPT with a value, stored in `field`. */
function rcptValue<Field extends keyof RcptParameters, Offer>(
  field: Field,
  parse: (
    value: string,
    offer: Offer,
    context: SessionContext,
    mail: MailParameters,
  ) => Required<RcptParameters>[Field] | Refused,
): OfferedParameter<RcptParameters, Offer> {
  return (draft, value, offer, context, mail) => {
    const parsed = value === undefined ? PARAMETER_SYNTAX : parse(value, offer, context, mail);
    if (parsed instanceof Refused) return parsed.rule;
    draft[field] = parsed;
    return undefined;
  };
}

/** RFC 9422 section 3. */
function limitsLine({ maxMessages, maxRecipients, maxRecipientDomains }: SessionOptions): string {
  const line = `LIMITS MAILMAX=${maxMessages} RCPTMAX=${maxRecipients}`;
  return maxRecipientDomains === undefined ? line : `${line} RCPTDOMAINMAX=${maxRecipientDomains}`;
}
