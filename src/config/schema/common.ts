// Fields that stand in several sections.
import { OBJECT_PREFIX } from '../../policy/destination-rules.ts';
import { listOf, text, wholeNumber } from '../fields.ts';

export const hostname = text(
  'a host name, like "mx.example.com"',
  'The name of the server in the greeting, in the reply to EHLO and in trace headers.',
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
);

export const host = text(
  'an IP address or host name to listen on, like "0.0.0.0"',
  'The IP address or host name to listen on.',
  /^[A-Za-z0-9.:%_-]+$/,
);

export const port = wholeNumber(0, 65535, 'The TCP port; 0 takes any free port.');

export const objectPrefix = text(
  'a key prefix of printable ASCII without a leading "/", like "mail/", and not under outbox/',
  'The beginning of every object key, before dt=YYYY-MM-DD/hr=HH/.',
  OBJECT_PREFIX,
);

/** Without TLS, an attacker on the path could replace the issuer's keys and sign tokens. The loopback has no path. */
export function issuerUrl(description: string) {
  return text(
    'an https URL (http only for the loopback)',
    description,
    /^(?:https:\/\/[^\s/]\S*|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]\S*)?)$/,
  );
}

export function tableName(description: string) {
  return text('the name of a DynamoDB table', description, /^[A-Za-z0-9_.-]{3,255}$/);
}

export function networks(description: string) {
  return listOf(
    text(
      'an address range, like "10.0.0.0/8"',
      'An IPv4 or IPv6 address or network.',
      /^[0-9A-Fa-f.:]+(\/\d{1,3})?$/,
    ),
    'a list of address ranges',
    description,
  );
}
