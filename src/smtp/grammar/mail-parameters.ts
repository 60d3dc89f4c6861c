// What MAIL's parameters mean, each by the RFC of its extension. One that the listener does not offer is
// unknown (RFC 5321 section 4.1.1.11).
import { isPrintable, parseDecimal } from './ascii.ts';
import { parseBy, parseHoldUntil, parsePriority } from './delivery-parameters.ts';
import type { Parameter, Parsed } from './esmtp-parameter.ts';
import type { MailParameters } from '../parameters.ts';
import type { Rule } from '../replies.ts';
import type { SessionOptions } from '../session-options.ts';
import { parseXtext } from './xtext.ts';

/** size-value of RFC 1870 section 4. */
const SIZE_DIGITS = 20;
/** The envelope identifier of RFC 3461 section 4.4, before its decoding. */
const ENVID_OCTETS = 100;
/** future-release-integer of RFC 4865 section 3. */
const HOLD_FOR_DIGITS = 9;

type Draft = { -readonly [K in keyof MailParameters]: MailParameters[K] };

const NONE: Parsed<MailParameters> = { ok: true, value: {} };

/** Understands MAIL's parameters, or gives the rule by which one is refused. */
export function parseMailParameters(
  read: readonly Parameter[],
  options: SessionOptions,
  isSecured: boolean,
): Parsed<MailParameters> {
  if (read.length === 0) return NONE;
  const draft: Draft = {};
  for (const { keyword, value } of read) {
    if (!isOffered(keyword, options, isSecured)) return { ok: false, rule: 'unknown-parameter' };
    const rule = setParameter(draft, keyword, value, options);
    if (rule !== undefined) return { ok: false, rule };
  }
  // RFC 4865 section 3: one of the two.
  if (draft.holdForSeconds !== undefined && draft.holdUntil !== undefined) {
    return { ok: false, rule: 'parameter-syntax' };
  }
  return { ok: true, value: draft };
}

function isOffered(keyword: string, options: SessionOptions, isSecured: boolean): boolean {
  switch (keyword) {
    case 'SIZE':
    case 'BODY':
      return true;
    case 'SMTPUTF8':
      return options.smtpUtf8;
    case 'AUTH':
      return options.auth !== 'none';
    case 'RET':
    case 'ENVID':
      return options.dsn !== false;
    case 'REQUIRETLS':
      return options.requireTlsExtension !== false && isSecured;
    case 'MT-PRIORITY':
      return options.mtPriority === true;
    // These look into their options for more than whether.
    case 'BY':
    case 'HOLDFOR':
    case 'HOLDUNTIL':
      return true;
    default:
      return false;
  }
}

/** Understands one parameter that is offered; returns the rule that refuses it, if one does. */
function setParameter(
  draft: Draft,
  keyword: string,
  value: string | undefined,
  options: SessionOptions,
): Rule | undefined {
  // Two parameters are said by their keyword alone, all others by a value.
  if (keyword === 'SMTPUTF8' || keyword === 'REQUIRETLS') {
    if (value !== undefined) return 'parameter-syntax';
    draft[keyword === 'SMTPUTF8' ? 'smtpUtf8' : 'requireTls'] = true;
    return undefined;
  }
  if (value === undefined) return 'parameter-syntax';
  switch (keyword) {
    case 'SIZE':
      return setSize(draft, value, options);
    case 'BODY':
      return setBody(draft, value, options);
    case 'AUTH':
      return setAuth(draft, value);
    case 'RET': {
      const ret = value.toUpperCase();
      if (ret !== 'FULL' && ret !== 'HDRS') return 'parameter-syntax';
      draft.ret = ret;
      return undefined;
    }
    case 'ENVID': {
      const envid = value.length > ENVID_OCTETS ? undefined : parseXtext(value);
      // RFC 3461 section 4.4: printable, once decoded.
      if (envid === undefined || !isPrintable(envid)) return 'parameter-syntax';
      draft.envid = envid;
      return undefined;
    }
    case 'MT-PRIORITY': {
      const priority = parsePriority(value);
      if (priority === undefined) return 'parameter-syntax';
      draft.mtPriority = priority;
      return undefined;
    }
    case 'BY':
      return setBy(draft, value, options.deliverBy);
    case 'HOLDFOR':
      return setHoldFor(draft, value, options.futureRelease);
    default:
      return setHoldUntil(draft, value, options.futureRelease);
  }
}

function setBy(
  draft: Draft,
  value: string,
  offered: SessionOptions['deliverBy'],
): Rule | undefined {
  if (offered === undefined) return 'unknown-parameter';
  const by = parseBy(value);
  if (by === undefined) return 'parameter-syntax';
  if (by.mode === 'R' && by.seconds < offered.minSeconds) return 'deliver-by-too-soon';
  draft.deliverBy = by;
  return undefined;
}

function setHoldFor(
  draft: Draft,
  value: string,
  offered: SessionOptions['futureRelease'],
): Rule | undefined {
  if (offered === undefined) return 'unknown-parameter';
  const seconds = parseDecimal(value, HOLD_FOR_DIGITS);
  if (seconds === undefined || seconds === 0) return 'parameter-syntax';
  if (seconds > offered.maxSeconds) return 'hold-too-long';
  draft.holdForSeconds = seconds;
  return undefined;
}

function setHoldUntil(
  draft: Draft,
  value: string,
  offered: SessionOptions['futureRelease'],
): Rule | undefined {
  if (offered === undefined) return 'unknown-parameter';
  const until = parseHoldUntil(value);
  if (until === undefined) return 'parameter-syntax';
  if (until > Date.parse(offered.maxDateTime)) return 'hold-too-long';
  draft.holdUntil = value;
  return undefined;
}

function setSize(draft: Draft, value: string, options: SessionOptions): Rule | undefined {
  const size = parseDecimal(value, SIZE_DIGITS);
  if (size === undefined) return 'parameter-syntax';
  if (size > options.maxMessageSize) return 'message-too-large';
  draft.size = size;
  return undefined;
}

function setBody(draft: Draft, value: string, options: SessionOptions): Rule | undefined {
  const body = value.toUpperCase();
  if (body !== '7BIT' && body !== '8BITMIME' && body !== 'BINARYMIME') return 'parameter-value';
  // RFC 3030 section 3: BINARYMIME needs CHUNKING.
  if (body === 'BINARYMIME' && options.chunking === false) return 'parameter-value';
  draft.body = body;
  return undefined;
}

/** RFC 4954 section 5: a mailbox as xtext, or `<>`. */
function setAuth(draft: Draft, value: string): Rule | undefined {
  const submitter = value === '<>' ? null : parseXtext(value);
  if (submitter === undefined || (submitter !== null && !isPrintable(submitter))) {
    return 'parameter-syntax';
  }
  draft.auth = submitter;
  return undefined;
}
