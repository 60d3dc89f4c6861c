// Limits: how much the process accepts from its clients, and how long it waits for them.
import { z } from 'zod';
import { section, wholeNumber } from '../fields.ts';
import { duration, size } from '../units.ts';

const fields = {
  maxMessageSize: size(
    '1KB',
    '500MB',
    'The largest message as it is stored, announced by SIZE; a larger one is refused with 552 5.3.4.',
  ),
  maxRecipients: wholeNumber(
    1,
    1000,
    'Recipients of one message; further ones are refused with 452 4.5.3.',
  ),
  maxRecipientDomains: wholeNumber(
    1,
    1000,
    'Different domains among the recipients of one message, unlimited by default; further ones are refused with 452 4.5.3.',
  ),
  maxConnections: wholeNumber(
    1,
    100_000,
    'Open connections; for a further one, an idle one or one of a client or listener with many is let go, else it is refused, with 421 4.3.2.',
  ),
  maxConnectionsPerAddress: wholeNumber(
    1,
    100_000,
    'Open connections of one IPv4 address or one IPv6 /64; further ones are refused with 421 4.7.0.',
  ),
  maxMessagesPerSession: wholeNumber(
    1,
    1_000_000,
    'Messages of one session; a further MAIL ends the session with 421 4.7.0.',
  ),
  maxErrors: wholeNumber(
    1,
    1000,
    'Refused commands of one session, not counting temporary failures of the server; a further one ends the session with 421 4.7.0.',
  ),
  maxSignInFailures: wholeNumber(
    1,
    100,
    'Failed sign-ins of one session; a further one ends the session with 421 4.7.0.',
  ),
  commandTimeout: duration(
    '1s',
    '1h',
    'How long the server waits for the next command; RFC 5321 section 4.5.3.2.7 asks for at least 5 minutes.',
  ),
  dataTimeout: duration(
    '1s',
    '1h',
    'How long the server waits for the next octets of a message; RFC 5321 section 4.5.3.2.5 asks for 3 minutes.',
  ),
  messageTimeout: duration(
    '1s',
    '1d',
    'How long a client may take to send one whole message, whatever its data rate.',
  ),
  minDataRate: size(
    '0B',
    '1MB',
    'The lowest data rate of a message in octets per second, averaged over dataTimeout; 0 disables the check.',
  ),
  handshakeTimeout: duration(
    '1s',
    '5m',
    'How long the server waits for a TLS handshake or a PROXY protocol header.',
  ),
  maxSessionAge: duration('10s', '1d', 'The age at which a session ends between two messages.'),
  answerTimeout: duration(
    '1s',
    '10m',
    'How long a sign-in check, a policy or the commit of a message may take before the client gets a temporary failure; a client waits 10 minutes after a message (RFC 5321 section 4.5.3.2.6).',
  ),
};

/** For all listeners together, with the defaults. */
export const limits = section(
  {
    maxMessageSize: fields.maxMessageSize.prefault('40MB'),
    maxRecipients: fields.maxRecipients.default(100),
    maxRecipientDomains: fields.maxRecipientDomains.optional(),
    maxConnections: fields.maxConnections.default(2000),
    maxConnectionsPerAddress: fields.maxConnectionsPerAddress.default(100),
    maxMessagesPerSession: fields.maxMessagesPerSession.default(100),
    maxErrors: fields.maxErrors.default(20),
    maxSignInFailures: fields.maxSignInFailures.default(3),
    commandTimeout: fields.commandTimeout.prefault('5m'),
    dataTimeout: fields.dataTimeout.prefault('3m'),
    messageTimeout: fields.messageTimeout.prefault('1h'),
    minDataRate: fields.minDataRate.prefault('100B'),
    handshakeTimeout: fields.handshakeTimeout.prefault('30s'),
    maxSessionAge: fields.maxSessionAge.prefault('30m'),
    answerTimeout: fields.answerTimeout.prefault('2m'),
    memory: size(
      '32MB',
      '64GB',
      'Memory for the content of all messages that are not stored yet, shared fairly by clients and listeners.',
    ).prefault('256MB'),
  },
  'What one process accepts from its clients.',
);

/** For one listener. */
export const listenerLimits = z.strictObject(fields, { error: 'an object' }).partial().meta({
  description: 'Limits of this listener alone; each one left out is that of the section limits.',
});
