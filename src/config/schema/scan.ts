// The scanners of content: rspamd for spam, clamd for viruses.
import { numberFrom, oneOf, section, text } from '../fields.ts';
import { duration, size } from '../units.ts';

const score = (description: string) => numberFrom(0, 10_000, description);

const spam = section(
  {
    url: text(
      'the URL of rspamd, like "http://127.0.0.1:11333"',
      'The URL of a normal worker of rspamd; /checkv2 is added to it.',
      /^https?:\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:\/[A-Za-z0-9._~/-]*)?$/,
    ),
    maxOctets: size(
      '1KB',
      '8MiB',
      'The largest message that rspamd gets; a larger one is not scanned for spam.',
    ).prefault('2MB'),
    password: text(
      'a password of printable ASCII',
      'The password of rspamd, where it asks for one.',
      /^[!-~]{1,256}$/,
    ).optional(),
    reject: score(
      'A message with this score or a higher one is refused with 550 5.7.1; without it, none is.',
    ).optional(),
    quarantine: score(
      'A message with this score or a higher one is marked for quarantine; without it, none is.',
    ).optional(),
  },
  'Spam: each message is scanned by rspamd; off without this section.',
);

const virus = section(
  {
    address: text(
      'the address of clamd, like "127.0.0.1:3310" or "/run/clamav/clamd.ctl"',
      'The TCP address or the Unix socket of clamd.',
      /^(?:(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}|\/[!-~]{1,100})$/,
    ),
    action: oneOf(
      ['mark', 'reject', 'quarantine'],
      'A message with a virus is marked in its notification, refused with 550 5.7.1, or marked for quarantine.',
    ).default('mark'),
  },
  'Viruses: each message is scanned by clamd while it arrives; off without this section.',
);

export const scan = section(
  {
    spam: spam.optional(),
    virus: virus.optional(),
    timeout: duration(
      '1s',
      '60s',
      'How long a scanner may take after the last octet of a message, and how long it may hold up a message that arrives.',
    ).prefault('15s'),
    onFailure: oneOf(
      ['accept', 'defer'],
      'What happens to a message when a scanner fails: it is accepted as not scanned (GRAY), or deferred with 451 4.7.1.',
    ).default('accept'),
  },
  'Scanners of the content of messages; off without this section.',
);
