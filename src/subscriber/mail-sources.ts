// Which objects a subscriber reads. A notification names a bucket and a key, so without a limit a forged record in the queue
// of a function could make it read every object that its role may read.
import { MailNotAllowedError } from './errors.ts';

/** The environment variable that the CDK construct sets: `bucket/prefix`, separated by commas. */
const VARIABLE = 'MAILSLUICE_MAIL_SOURCES';

/** Throws `MailNotAllowedError`. Without `sources`, and without the variable, every object is read. */
export function requireSource(
  { bucketName, objectKey }: { readonly bucketName: string; readonly objectKey: string },
  sources: readonly string[] | undefined = fromEnvironment(),
): void {
  if (sources === undefined) return;
  const isAllowed = sources.some((source) => {
    const slash = source.indexOf('/');
    const bucket = slash === -1 ? source : source.slice(0, slash);
    const prefix = slash === -1 ? '' : source.slice(slash + 1);
    return bucketName === bucket && objectKey.startsWith(prefix);
  });
  if (isAllowed) return;
  throw new MailNotAllowedError(
    `s3://${bucketName}/${objectKey}: not in the buckets and prefixes that this function reads`,
  );
}

function fromEnvironment(): string[] | undefined {
  const value = process.env[VARIABLE];
  return value === undefined || value === '' ? undefined : value.split(',');
}
