// The checks of the sender: SPF, DKIM, DMARC, ARC and DNS lists.
import { TOPIC_ARN } from '../../policy/destination-rules.ts';
import { listOf, oneOf, section, text } from '../fields.ts';
import { duration } from '../units.ts';

const DOMAIN =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)+$/;
const DEFAULT_MODE = 'without it, "mark" where clients cannot sign in or have not signed in';

const list = section(
  {
    zone: text(
      'the domain of a DNS list, like "zen.spamhaus.org"',
      'The zone of the list: of addresses or of domains, which it shows itself when it is tested (RFC 5782 section 5).',
      DOMAIN,
    ),
    key: text(
      'a key of letters, digits and "-", in labels',
      'The key of a customer of the list, put in front of the zone.',
      /^(?=.{1,100}$)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*$/,
    ).optional(),
    kind: oneOf(
      ['address', 'domain'],
      'Of what the list has entries, where it has entries of both; without it, what its test shows.',
    ).optional(),
    action: oneOf(
      ['mark', 'reject'],
      'Report that the list has the client or the sender, or refuse the recipients with 550 5.7.1 and the text of the list.',
    ).default('mark'),
  },
  'One DNS list.',
);

const fields = {
  spf: oneOf(
    ['off', 'mark', 'reject'],
    `SPF (RFC 7208): not checked, reported, or a message refused with 550 5.7.23 when it fails; ${DEFAULT_MODE}.`,
  ).optional(),
  dkim: oneOf(
    ['off', 'mark'],
    `DKIM signatures (RFC 6376): not checked, or reported; ${DEFAULT_MODE}.`,
  ).optional(),
  dmarc: oneOf(
    ['off', 'mark', 'reject'],
    `DMARC (RFC 9989), which checks SPF and DKIM too: not checked, reported, or done as the policy of the domain says, which is 550 5.7.1 for reject and a mark for quarantine; ${DEFAULT_MODE}.`,
  ).optional(),
  arc: oneOf(
    ['off', 'mark'],
    `ARC chains (RFC 8617): not checked, or reported; ${DEFAULT_MODE}.`,
  ).optional(),
};

const lists = listOf(
  list,
  'a list of DNS lists',
  'DNS lists that are asked for the client and for the domains of the sender.',
);

export const verify = section(
  {
    ...fields,
    timeout: duration(
      '500ms',
      '15s',
      'How long DNS may take, from MAIL and from the end of the message; what is not known then is temperror, and no reason to refuse.',
    ).prefault('5s'),
    resolvers: listOf(
      text(
        'the address of a DNS server, like "127.0.0.1", "[::1]:5353" or "10.0.0.2:53"',
        'An IP address, with a port where it is not 53.',
        /^(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)$/,
      ),
      'a list of addresses of DNS servers',
      'The DNS servers; without any, those of the system.',
    ).default([]),
    lists: lists.default([]),
    arcTrusted: listOf(
      text('a domain, like "example.com"', 'A domain that seals ARC chains.', DOMAIN),
      'a list of domains',
      'The domains whose ARC chains are reported as trusted, as of a mailing list or a forwarder; they authenticate nothing.',
    ).default([]),
    quarantine: section(
      {
        topicArn: text(
          'the ARN of an SNS topic, like "arn:aws:sns:eu-west-1:111122223333:quarantine"',
          'The ARN of the topic.',
          TOPIC_ARN,
        ),
      },
      'The topic that announces mail marked for quarantine, in place of notify.topicArn; without this section, such mail is only marked.',
    ).optional(),
  },
  'Checks of the sender, for clients that have not signed in.',
);

export const listenerVerify = section(
  { ...fields, lists: lists.optional() },
  'Checks of the sender on this listener alone; each one left out is that of the section verify.',
);
