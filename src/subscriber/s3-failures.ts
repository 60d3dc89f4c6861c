// What an error of S3 means for one mail: gone, never readable as things are, or later; with a sentence for the operator, who
// sees it in the log. The codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
import { MailNotFoundError, MailUnavailableError, MailUnreadableError } from './errors.ts';

type Sentence = string | ((facts: Facts) => string);

interface Facts {
  /** AWS's code, or the error's name where AWS did not answer. */
  readonly code: string;
  readonly message: string;
  readonly bucket: string;
  /** Of cold storage: `GLACIER`, `DEEP_ARCHIVE`, …. */
  readonly storageClass: string | undefined;
  /** Where the bucket is, if S3 said so. */
  readonly region: string | undefined;
  /** The newest version is a delete marker. */
  readonly isDeleteMarker: boolean;
  readonly status: number | undefined;
}

const GONE: Sentence = ({ isDeleteMarker, bucket }) =>
  isDeleteMarker
    ? `deleted; if the bucket keeps versions, \`aws s3api list-object-versions --bucket ${bucket}\` shows an older one`
    : 'not there: expired by a lifecycle rule, deleted, or never stored';

const CREDENTIALS: Sentence = ({ code }) =>
  `AWS refused the credentials (${code}): check the role of the function and the clock of the machine`;

const REGION: Sentence = ({ region, code }) =>
  `the bucket is in ${region === undefined ? 'another region' : `the region ${region}`} (${code}): give the handler an S3 client of that region`;

const KEY: Sentence = ({ code }) =>
  `the KMS key of the object cannot be used (${code}): enable the key or cancel its deletion, then redrive the dead-letter queue`;

const BUSY: Sentence = ({ code }) => `S3 could not answer now (${code})`;

const CLASSES = {
  gone: MailNotFoundError,
  unreadable: MailUnreadableError,
  later: MailUnavailableError,
} as const;

type Kind = keyof typeof CLASSES;

/** By code; `denied` tells AccessDenied apart by its message. */
const BY_CODE: Readonly<Record<string, readonly [Kind, Sentence]>> = {
  NoSuchKey: ['gone', GONE],
  NotFound: ['gone', GONE],
  NoSuchVersion: ['gone', GONE],
  MethodNotAllowed: ['gone', GONE],
  InvalidObjectState: [
    'unreadable',
    ({ storageClass }) =>
      `in cold storage${storageClass === undefined ? '' : ` (${storageClass})`}: restore it with \`aws s3api restore-object\`, then redrive the dead-letter queue`,
  ],
  NoSuchBucket: [
    'unreadable',
    ({ bucket }) =>
      `there is no bucket ${bucket}: it was deleted, or the notification names a wrong one`,
  ],
  InvalidBucketName: ['unreadable', ({ bucket }) => `${bucket} is not the name of a bucket`],
  KeyTooLongError: ['unreadable', 'the key is longer than the keys of S3'],
  PermanentRedirect: ['unreadable', REGION],
  AuthorizationHeaderMalformed: ['unreadable', REGION],
  IllegalLocationConstraintException: ['unreadable', REGION],
  AllAccessDisabled: ['unreadable', 'AWS has disabled all access to the object: ask AWS Support'],
  AccountProblem: ['unreadable', 'AWS has closed or suspended the account of the bucket'],
  'KMS.DisabledException': ['unreadable', KEY],
  'KMS.KMSInvalidStateException': ['unreadable', KEY],
  'KMS.NotFoundException': ['unreadable', KEY],
  'KMS.InvalidKeyUsageException': ['unreadable', KEY],
  InvalidAccessKeyId: ['later', CREDENTIALS],
  SignatureDoesNotMatch: ['later', CREDENTIALS],
  ExpiredToken: ['later', CREDENTIALS],
  InvalidToken: ['later', CREDENTIALS],
  TokenRefreshRequired: ['later', CREDENTIALS],
  RequestTimeTooSkewed: ['later', CREDENTIALS],
  CredentialsProviderError: ['later', CREDENTIALS],
};

/** The error for a mail of which S3 said, or did not say, this. */
export function mailErrorOf(
  error: unknown,
  { bucketName, objectKey }: { readonly bucketName: string; readonly objectKey: string },
): MailNotFoundError | MailUnreadableError | MailUnavailableError {
  const facts = factsOf(error, bucketName);
  const [kind, sentence] = meaning(facts);
  const text = typeof sentence === 'string' ? sentence : sentence(facts);
  const message = `s3://${bucketName}/${objectKey}: ${text}`;
  return new CLASSES[kind](message, { cause: error });
}

function meaning(facts: Facts): readonly [Kind, Sentence] {
  const known = BY_CODE[facts.code];
  if (known !== undefined) return known;
  if (facts.code === 'AccessDenied' || facts.code === 'Forbidden') return denied(facts);
  if (facts.status === 301) return ['unreadable', REGION];
  if (facts.status === 404) return ['gone', GONE];
  return ['later', BUSY];
}

/**
 * S3 names the action that was refused, at least to callers of its own account. `s3:ListBucket` is asked for only where the
 * object is not there: without that right S3 does not say 404. Rights come late (IAM is eventually consistent), so what is
 * denied is tried again.
 */
function denied({ message }: Facts): readonly [Kind, Sentence] {
  const action = /\b(?:kms|s3):[A-Za-z]+/.exec(message)?.[0];
  if (action === 's3:ListBucket') {
    return [
      'gone',
      'not there, or hidden: with s3:ListBucket on the bucket the role of the function would learn which (AccessDenied)',
    ];
  }
  if (action?.startsWith('kms:')) {
    return [
      'later',
      `the role of the function lacks ${action} on the KMS key of the object, in its own policy or in that of the key (AccessDenied)`,
    ];
  }
  if (action !== undefined) {
    return [
      'later',
      `the role of the function lacks ${action} on the object, or a policy of the bucket denies it (AccessDenied)`,
    ];
  }
  return [
    'later',
    'the role of the function may not read it, or it is not there and the role lacks s3:ListBucket (AccessDenied)',
  ];
}

function factsOf(error: unknown, bucket: string): Facts {
  const failure = Object(error) as {
    readonly name?: unknown;
    readonly Code?: unknown;
    readonly message?: unknown;
    readonly code?: unknown;
    readonly StorageClass?: unknown;
    readonly Region?: unknown;
    readonly $metadata?: { readonly httpStatusCode?: unknown };
    readonly $response?: { readonly headers?: Readonly<Record<string, unknown>> };
  };
  const { $response, $metadata } = failure;
  const headers = $response?.headers ?? {};
  const status = $metadata?.httpStatusCode;
  return {
    code: text(failure.Code) ?? systemCode(failure) ?? text(failure.name) ?? 'unknown',
    message: text(failure.message) ?? '',
    bucket,
    storageClass: text(failure.StorageClass),
    region: text(failure.Region) ?? text(headers['x-amz-bucket-region']),
    isDeleteMarker: headers['x-amz-delete-marker'] === 'true',
    status: typeof status === 'number' ? status : undefined,
  };
}

/** Node's own, as `ECONNREFUSED`; a name as `Error` says nothing. */
function systemCode({ code }: { readonly code?: unknown }): string | undefined {
  return typeof code === 'string' && /^[A-Z][A-Z_]+$/.test(code) ? code : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
