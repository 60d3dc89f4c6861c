// Routes: which recipients are accepted, and where their mail is stored.
import { z } from 'zod';
import { ADDRESS_PATTERN_FORMS, parseAddressPattern } from '../../policy/address-pattern.ts';
import { listOf, nonEmptyListOf, section, text, wholeNumber } from '../fields.ts';
import { objectPrefix } from './common.ts';

const addressPattern = z
  .string({ error: ADDRESS_PATTERN_FORMS })
  .refine((pattern) => parseAddressPattern(pattern) !== undefined, { error: ADDRESS_PATTERN_FORMS })
  .meta({
    description: 'An address pattern.',
    examples: ['ann@example.com', '*@example.com', '*@*.example.com', 'postmaster@*', '*'],
  });

const reject = section(
  {
    code: wholeNumber(400, 599, 'The reply code.').default(550),
    status: text(
      'subject and detail, like "1.1"',
      'The enhanced status code without its class, which follows from the reply code.',
      /^\d\.\d{1,3}$/,
    ).default('1.1'),
    text: text('printable ASCII text', 'The text of the reply.', /^[ -~]{1,400}$/).default(
      'No such recipient here',
    ),
  },
  'Refuses the recipients of this route with a reply.',
);

const route = section(
  {
    recipients: nonEmptyListOf(
      addressPattern,
      'a list of recipient patterns',
      'The address patterns of the route; a recipient needs to match one of them.',
    ),
    prefix: objectPrefix
      .meta({ description: 'The key prefix of the mail; without it, that of the section store.' })
      .optional(),
    reject: reject.optional(),
  },
  'One route.',
);

export const routes = listOf(
  route,
  'a list of routes',
  'Recipient routing: the first route that matches a recipient decides; without a match it is refused with 550 5.1.1.',
).default([{ recipients: ['*'] }]);
