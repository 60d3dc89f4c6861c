// Sign-in: the credential table, the throttling of failed attempts, and the issuers of tokens.
import { listOf, nonEmptyListOf, oneOf, section, text, wholeNumber, yesOrNo } from '../fields.ts';
import { duration } from '../units.ts';
import { issuerUrl, tableName } from './common.ts';

const throttle = section(
  {
    shared: yesOrNo(
      'Count failed sign-ins and the rates of credentials for the whole fleet, in the table (needs dynamodb:UpdateItem).',
    ).default(false),
    onOutage: oneOf(
      ['open', 'closed'],
      'While the shared counts are unavailable, use the counts of the process, or refuse sign-in with 454.',
    ).default('open'),
    window: duration('1m', '1d', 'The period over which failures are counted.').prefault('15m'),
    addressFailures: wholeNumber(
      1,
      1_000_000,
      'Failures of one IPv4 address or one IPv6 /64 in the window; then it is locked out.',
    ).default(50),
    userFailures: wholeNumber(
      1,
      1_000_000,
      'Failures of one user name in the window; then new addresses are locked out of it.',
    ).default(20),
    delay: duration(
      '0s',
      '1m',
      'The delay of the reply to a first failure; it doubles with each further one.',
    ).prefault('500ms'),
    maxDelay: duration('0s', '1m', 'The longest such delay.').prefault('5s'),
    maxDelayed: wholeNumber(
      0,
      100_000,
      'Sessions that may be delayed at the same time; further ones end with 421 4.7.0.',
    ).default(1000),
  },
  'Slows down and locks out clients that guess passwords.',
);

const tokenIssuer = section(
  {
    issuer: issuerUrl('The exact value of the iss claim.'),
    audience: nonEmptyListOf(
      text('an audience', 'The aud claim, or the client_id of an Amazon Cognito access token.'),
      'a list of audiences',
      'The accepted audiences; a token needs one of them.',
    ),
    jwksUri: issuerUrl(
      'The URL of the keys of the issuer; without it <issuer>/.well-known/jwks.json.',
    ).optional(),
    usernameClaim: text(
      'the name of a claim',
      'The claim that holds the user name; email counts only with email_verified: true.',
    ).default('sub'),
    requireCredential: yesOrNo(
      'Whether the user also needs a row in the credential table; if not, the user name is <issuer>#<claim>.',
    ).default(true),
  },
  'One token issuer.',
);

export const credentials = section(
  {
    table: tableName('The credential table.'),
    cache: duration(
      '0s',
      '55s',
      'How long a credential is used without reading it again; a change takes effect everywhere within a minute.',
    ).prefault('50s'),
    grace: duration(
      '0s',
      '1d',
      'How long cached credentials still work while the table cannot be read.',
    ).prefault('15m'),
    recordLastUse: yesOrNo(
      'Record in the table when a credential was last used, at most once in 5 minutes (needs dynamodb:UpdateItem).',
    ).default(true),
    throttle: throttle.prefault({}),
    tokens: listOf(
      tokenIssuer,
      'a list of token issuers',
      'The issuers of tokens for OAUTHBEARER and XOAUTH2, which are offered if there is one.',
    ).default([]),
  },
  'Sign-in; needed where a listener has auth.',
);
