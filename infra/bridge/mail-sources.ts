import type { aws_lambda as lambda } from 'aws-cdk-lib';

/** Tells the function's `fetchMail` what it reads (src/subscriber/mail-sources.ts): the same as it may read. */
export function nameMailSources(
  handler: lambda.IFunction,
  bucketName: string,
  prefixes: readonly string[],
): void {
  // One that was imported has its environment elsewhere.
  if (!('addEnvironment' in handler)) return;
  const sources = prefixes.map((prefix) => `${bucketName}/${prefix}`);
  (handler as lambda.Function).addEnvironment('MAILSLUICE_MAIL_SOURCES', sources.join(','));
}
