// XCLIENT, by which a proxy that is trusted says whom it speaks for (Postfix, XCLIENT_README). This file
// parses; whether a client is to be believed is decided before.
import { isIpv4, isIpv6 } from './address-literal.ts';
import { canonicalIpv6 } from './address-text.ts';
import { isPrintable, parseDecimal } from './ascii.ts';
import type { SessionFacts } from '../session-facts.ts';
import { parseXtext } from './xtext.ts';

export const XCLIENT_ATTRIBUTES = [
  'NAME',
  'ADDR',
  'PORT',
  'PROTO',
  'HELO',
  'LOGIN',
  'DESTADDR',
  'DESTPORT',
] as const;

const UNKNOWN = ['[UNAVAILABLE]', '[TEMPUNAVAIL]'];
/** In IPv4, and in the IPv4 that ends an IPv6 address: some read it as octal. */
const LEADING_ZERO = /(?:^|[.:])0\d+\.|\.0\d/;
const HIGHEST_PORT = 65_535;
const VALUE_OCTETS = 255;

/** The facts that XCLIENT can change. */
export type ProxiedFacts = Partial<
  Pick<SessionFacts, 'clientAddress' | 'clientPort' | 'clientDomain' | 'protocol' | 'identity'>
>;

type Draft = { -readonly [K in keyof ProxiedFacts]: ProxiedFacts[K] };

/** Parses what follows `XCLIENT `: attributes with values in xtext. */
export function parseXclient(argument: string): ProxiedFacts | undefined {
  const facts: Draft = {};
  if (argument === '') return undefined;
  for (const attribute of argument.split(' ')) {
    const equals = attribute.indexOf('=');
    const name = attribute.slice(0, Math.max(equals, 0)).toUpperCase();
    const value = equals === -1 ? undefined : parseXtext(attribute.slice(equals + 1));
    if (value === undefined || value.length > VALUE_OCTETS || !isPrintable(value)) return undefined;
    const isKnown = !UNKNOWN.includes(value.toUpperCase());
    if (!setFact(facts, name, isKnown ? value : undefined)) return undefined;
  }
  return facts;
}

/** Takes one attribute; `undefined` is a value that the proxy does not know. */
function setFact(facts: Draft, name: string, value: string | undefined): boolean {
  switch (name) {
    case 'ADDR': {
      if (value === undefined) return true;
      const isTagged = value.slice(0, 5).toUpperCase() === 'IPV6:';
      const address = isTagged ? value.slice(5) : value;
      if (LEADING_ZERO.test(address)) return false;
      if (isTagged ? !isIpv6(address) : !isIpv4(address)) return false;
      facts.clientAddress = isTagged ? canonicalIpv6(address) : address;
      return true;
    }
    case 'PORT': {
      const port = value === undefined ? 0 : parseDecimal(value, 5);
      if (port === undefined || port > HIGHEST_PORT) return false;
      facts.clientPort = port;
      return true;
    }
    case 'PROTO': {
      const protocol = value?.toUpperCase();
      if (protocol === undefined) return true;
      if (protocol !== 'SMTP' && protocol !== 'ESMTP') return false;
      facts.protocol = protocol;
      return true;
    }
    case 'HELO':
      facts.clientDomain = value ?? '';
      return true;
    case 'LOGIN':
      facts.identity =
        value === undefined || value === '' ? null : { username: value, mechanism: 'XCLIENT' };
      return true;
    // The client's host name is looked up again where it matters, and our own address is known.
    case 'NAME':
    case 'DESTADDR':
    case 'DESTPORT':
      return true;
    default:
      return false;
  }
}
