// Listeners: the ports, and how a session on each behaves.
import { oneOf, nonEmptyListOf, section, text, yesOrNo } from '../fields.ts';
import { host, networks, port } from './common.ts';
import { listenerLimits } from './limits.ts';
import { TLS_PROFILES } from './tls.ts';
import { listenerVerify } from './verify.ts';

const listener = section(
  {
    name: text(
      'a short name of letters, digits and "-", like "mx"',
      'The unique name of the listener in logs, metrics and notifications.',
      /^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/,
    ),
    host: host.default('0.0.0.0'),
    port,
    tls: oneOf(
      ['none', 'starttls', 'implicit'],
      'No TLS, TLS after the STARTTLS command (RFC 3207), or TLS from the first octet (RFC 8314).',
    ).default('starttls'),
    tlsProfile: oneOf(
      TLS_PROFILES,
      'The TLS versions and ciphers of this listener; without it, those of tls.profile.',
    ).optional(),
    auth: oneOf(
      ['none', 'optional', 'required'],
      'Whether clients can or must sign in; needs tls.',
    ).default('none'),
    requireTls: yesOrNo('Refuse MAIL before STARTTLS with 530 5.7.0.').default(false),
    bareNewline: oneOf(
      ['reject', 'normalize', 'accept'],
      'Refuse a message with a bare CR or LF with 550 5.6.11, store each as CRLF, or store the message unchanged; without it, "normalize" where clients sign in and "reject" elsewhere.',
    ).optional(),
    chunking: yesOrNo(
      'Offer CHUNKING, and with bareNewline "accept" BINARYMIME (RFC 3030).',
    ).default(true),
    addressSyntax: oneOf(
      ['internet', 'strict'],
      'Accept addresses and commands as Postfix does, with the deviations of real senders, or only by the grammar of RFC 5321.',
    ).default('internet'),
    trustedNetworks: networks(
      'Addresses and networks whose clients may leave out the domain of an address, as in <root>, which is then the host name; clients that signed in always may.',
    ).default([]),
    protocol: oneOf(
      ['smtp', 'lmtp'],
      'SMTP, or LMTP with one reply for each recipient (RFC 2033).',
    ).default('smtp'),
    clientAddress: oneOf(
      ['socket', 'proxy'],
      'The client address is that of the connection, or that in the PROXY protocol header.',
    ).default('socket'),
    trustedProxies: networks(
      'Addresses and networks that may send a PROXY protocol header; needed with clientAddress "proxy".',
    ).default([]),
    trustedXclients: networks(
      'Addresses and networks whose XCLIENT command is believed, of the peers of connections, not those in a PROXY header.',
    ).default([]),
    verify: listenerVerify.optional(),
    limits: listenerLimits.default({}),
  },
  'One listener.',
);

export const listeners = nonEmptyListOf(
  listener,
  'a list of at least one listener',
  'The addresses and ports on which the server listens.',
).prefault([
  { name: 'mx', port: 2525 },
  { name: 'submission', port: 2587, auth: 'required' },
  { name: 'smtps', port: 2465, tls: 'implicit', auth: 'required' },
]);
