import { readFile } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { Command } from 'commander';
import { readCertificates } from '../../app/ca-bundle.ts';
import { QueryClient } from '../../app/doctor/aws/query-client.ts';
import { readStack, type StackFacts } from '../../app/doctor/aws/stack.ts';
import { diagnose, type DoctorClients } from '../../app/doctor/diagnose.ts';
import { worstOf } from '../../app/doctor/finding.ts';
import { mailDomainOf } from '../../app/doctor/mail-domain.ts';
import type { Credential } from '../../app/doctor/smtp/check-sign-in.ts';
import {
  isDomainName,
  type KnownConfiguration,
  type Subject,
  subjectOf,
} from '../../app/doctor/subject.ts';
import { OperatorError, UsageError } from '../../app/operator-error.ts';
import { parseSection } from '../../config/index.ts';
import { readPassword } from '../credentials/password-input.ts';
import { awsErrorLine } from '../frame/aws-error-line.ts';
import { readConfigurationSource } from '../frame/configuration-source.ts';
import type { CliContext } from '../frame/context.ts';
import { explained } from '../frame/fail.ts';
import { type DoctorOptions, withDoctorOptions } from './options.ts';
import { findingsAsJson, renderCounts, renderFindings } from './render.ts';

/** `mailsluice doctor`: looks at a deployment from outside, and says what is wrong and what mends it. */
export function doctorCommand(context: CliContext): Command {
  return withDoctorOptions(new Command('doctor'))
    .description('check a deployment: DNS, ports, TLS, sign-in, recipients, S3, SNS and alarms')
    .action((options: DoctorOptions) => doctor(context, options));
}

async function doctor(context: CliContext, options: DoctorOptions): Promise<void> {
  const { stdout, stderr, environment } = context;
  const credential = await readCredential(context, options);
  const sns = context.clients.sns();
  const clients: DoctorClients = {
    s3: context.clients.s3(),
    sns,
    sqs: context.clients.ownSqs(),
    query: new QueryClient(sns, environment),
  };
  try {
    const stack = await findStack(options, clients.query);
    const subject = await findSubject(context, options, stack);
    const { resolver, timeout } = options;
    const interrupted = context.interrupted();
    const findings = await diagnose({
      ...{ subject, clients, explain, timeoutSeconds: timeout },
      ...(stack && { stack: { name: options.stack ?? '', facts: stack } }),
      ...(resolver !== undefined && { resolver }),
      ...(options.caFile !== undefined && { authorities: authoritiesWith(options.caFile) }),
      ...(credential && { credential }),
      ...(options.sendMail && { followTo: recipientOf(subject, options) }),
      interrupted,
    });
    stdout.write(options.json ? findingsAsJson(subject.host, findings) : renderFindings(findings));
    const counts = renderCounts(findings);
    if (interrupted.aborted) throw new OperatorError(`interrupted: ${counts}`);
    if (worstOf(findings) === 'failed') throw new OperatorError(counts);
    if (!options.json) stderr.write(`${counts}\n`);
  } finally {
    for (const client of [clients.s3, clients.sns, clients.sqs]) client.destroy();
  }
}

async function findStack(
  { stack, timeout }: DoctorOptions,
  query: QueryClient,
): Promise<StackFacts | undefined> {
  if (stack === undefined) return undefined;
  const found = await explained(explain, () =>
    readStack(query, stack, AbortSignal.timeout(timeout * 1000)),
  );
  if (found !== undefined) return found;
  throw new OperatorError(`stack "${stack}": not found; check --stack and AWS_REGION`);
}

async function findSubject(
  { environment }: CliContext,
  { config, host, domain, port, sendMail }: DoctorOptions,
  stack: StackFacts | undefined,
): Promise<Subject> {
  const source = await readConfigurationSource(config, environment);
  const subject = subjectOf({
    ...(host !== undefined && { host }),
    ...(domain && { domains: domain }),
    ...(port && { ports: port }),
    ...(source && { configuration: knownSections(source.document) }),
    ...(stack && { outputs: stack.outputs }),
  });
  if (subject === undefined) {
    throw new UsageError(
      stack === undefined
        ? 'expected --host NAME, --stack NAME, or --config or MAILSLUICE_CONFIG with hostname, got none of them'
        : 'expected --host NAME, since the stack has no output SmtpEndpoint; --stack is the service stack',
    );
  }
  if (sendMail && (subject.bucket === undefined || subject.topicArn === undefined)) {
    throw new UsageError(
      'expected --stack, or --config with store.bucket and notify.topicArn, beside --send-mail',
    );
  }
  return subject;
}

/** What a document has of the sections that count; a small one will do. */
function knownSections(document: unknown): KnownConfiguration {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new UsageError('expected a configuration that is a JSON object');
  }
  const section = <N extends keyof KnownConfiguration>(name: N): Pick<KnownConfiguration, N> => {
    const value = name in document ? parseSection(document, name) : undefined;
    return (value === undefined ? {} : { [name]: value }) as Pick<KnownConfiguration, N>;
  };
  return {
    ...section('hostname'),
    ...section('store'),
    ...section('notify'),
    ...section('verify'),
    ...section('routes'),
    ...section('tls'),
  };
}

function authoritiesWith(file: string): readonly string[] {
  return [...getCACertificates('default'), ...readCertificates(file, '--ca-file')];
}

function recipientOf({ domains, host }: Subject, { recipient }: DoctorOptions): string {
  if (recipient !== undefined) return recipient;
  const [domain = isDomainName(host) ? host : mailDomainOf(host)] = domains;
  return `postmaster@${domain}`;
}

async function readCredential(
  context: CliContext,
  { user, passwordFile, passwordStdin }: DoctorOptions,
): Promise<Credential | undefined> {
  if (passwordFile !== undefined && passwordStdin) {
    throw new UsageError('expected --password-file or --password-stdin, got both');
  }
  const hasPassword = passwordFile !== undefined || passwordStdin === true;
  if (user === undefined && !hasPassword) return undefined;
  if (user === undefined || !hasPassword) {
    throw new UsageError('expected --user together with --password-file or --password-stdin');
  }
  const password =
    passwordFile === undefined ? await readPassword(context) : await readPasswordFile(passwordFile);
  return { username: user, password };
}

async function readPasswordFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw new OperatorError(`--password-file: expected a readable file, got "${file}" (${code})`);
  }
}

/** AWS's own message names the right that is missing. */
function explain(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : '';
  return awsErrorLine(error, {
    service: 'AWS',
    endpointVariable: 'AWS_ENDPOINT_URL',
    denied: `these AWS credentials have no right to do that: ${message.replace(/\s+/g, ' ')}`,
    lines: {
      NoSuchBucket: 'the bucket does not exist; check store.bucket and AWS_REGION',
      NotFound: 'the topic does not exist; check notify.topicArn and AWS_REGION',
      NotFoundException: 'the topic does not exist; check notify.topicArn and AWS_REGION',
      PermanentRedirect: 'the bucket is in another region; set AWS_REGION to it',
    },
  });
}
