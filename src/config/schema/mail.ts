// Mail on its way in: how it is stored and announced.
import { z } from 'zod';
import { TOPIC_ARN } from '../../policy/destination-rules.ts';
import { section, text } from '../fields.ts';
import { duration } from '../units.ts';
import { objectPrefix, tableName } from './common.ts';

const BUCKET = 'the name of an S3 bucket';
const NO_BUCKET_ARN = `${BUCKET}, and for an access point its alias, which ends in "-s3alias", in place of its ARN`;

export const store = section(
  {
    bucket: z
      .string({ error: BUCKET })
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
        error: ({ input }) => (String(input).startsWith('arn:') ? NO_BUCKET_ARN : BUCKET),
      })
      .meta({ description: 'The bucket of the mail, or the alias of an access point.' }),
    prefix: objectPrefix.default('mail/'),
  },
  'Where mail is stored.',
);

export const notify = section(
  {
    topicArn: text(
      'the ARN of an SNS topic, like "arn:aws:sns:eu-west-1:111122223333:mail"',
      'The ARN of the SNS topic of the notifications.',
      TOPIC_ARN,
    ),
  },
  'Where mail is announced.',
);

export const duplicates = section(
  {
    window: duration('1m', '30d', 'How long a message is remembered.'),
    table: tableName(
      'The table that remembers messages, with the string key "pk" and TTL on "ttl"; without it, the credential table.',
    ).optional(),
  },
  'Recognizes a message that a client sends again and answers it as the first time; off without this section.',
);
