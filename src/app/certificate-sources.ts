import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CertificateConfiguration } from '../config/index.ts';
import { OperatorError } from './operator-error.ts';

/** A certificate chain and its private key in PEM. */
export interface CertificateMaterial {
  readonly cert: string;
  readonly key: string;
  readonly serverNames?: readonly string[];
  /** How messages call it: never the material itself. */
  readonly source: string;
}

/** What the server takes of it. */
export function withoutSource({
  cert,
  key,
  serverNames,
}: CertificateMaterial): Omit<CertificateMaterial, 'source'> {
  return { cert, key, ...(serverNames && { serverNames }) };
}

/**
 * Reads the material of every configured certificate; paths are relative to `folder`.
 * @throws OperatorError naming every file or secret that could not be read.
 */
export async function readCertificates(
  certificates: readonly CertificateConfiguration[],
  folder: string,
): Promise<CertificateMaterial[]> {
  const outcomes = await Promise.allSettled(
    certificates.map((certificate, at) =>
      readCertificate(certificate, `tls.certificates[${at}]`, folder),
    ),
  );
  const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
  if (failures.length > 0) {
    throw new OperatorError(failures.map(({ reason }) => (reason as Error).message).join('\n'));
  }
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

async function readCertificate(
  certificate: CertificateConfiguration,
  path: string,
  folder: string,
): Promise<CertificateMaterial> {
  const names =
    certificate.serverNames === undefined ? {} : { serverNames: certificate.serverNames };
  if ('cert' in certificate) {
    return { cert: certificate.cert, key: certificate.key, source: path, ...names };
  }
  if ('certFile' in certificate) {
    const [cert, key] = await Promise.all([
      readPem(resolve(folder, certificate.certFile), `${path}.certFile`),
      readPem(resolve(folder, certificate.keyFile), `${path}.keyFile`),
    ]);
    return { cert, key, source: `${path} (${certificate.certFile})`, ...names };
  }
  const material =
    'secretArn' in certificate
      ? await readSecret(certificate.secretArn, path)
      : await exportAcmCertificate(certificate.acmArn, path);
  return {
    ...material,
    source: `${path} (${'secretArn' in certificate ? certificate.secretArn : certificate.acmArn})`,
    ...names,
  };
}

async function readPem(file: string, path: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new OperatorError(`${path}: expected a readable PEM file, got "${file}" (${code})`);
  }
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
async function readSecret(arn: string, path: string): Promise<{ cert: string; key: string }> {
  const { SecretsManagerClient, GetSecretValueCommand } = await import(
    '@aws-sdk/client-secrets-manager'
  );
  const client = new SecretsManagerClient({ region: regionOf(arn) });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    const secret: unknown = JSON.parse(SecretString ?? 'null');
    if (isKeyPair(secret)) return secret;
    throw new Error('its value is not JSON with "cert" and "key"');
  } catch (error) {
    // A JSON parser quotes its input, which here is a private key.
    const reason =
      error instanceof SyntaxError ? 'its value is not JSON' : (error as Error).message;
    throw new OperatorError(
      `${path}.secretArn: expected a readable secret with "cert" and "key", got "${arn}" (${reason})`,
    );
  } finally {
    client.destroy();
  }
}

function isKeyPair(value: unknown): value is { cert: string; key: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'cert' in value &&
    typeof value.cert === 'string' &&
    'key' in value &&
    typeof value.key === 'string'
  );
}

/** https://docs.aws.amazon.com/acm/latest/APIReference/API_ExportCertificate.html */
async function exportAcmCertificate(
  arn: string,
  path: string,
): Promise<{ cert: string; key: string }> {
  const { ACMClient, ExportCertificateCommand } = await import('@aws-sdk/client-acm');
  const { createPrivateKey, randomBytes } = await import('node:crypto');
  const client = new ACMClient({ region: regionOf(arn) });
  // The passphrase protects the key on its way and lives only for this call.
  const passphrase = randomBytes(32).toString('hex');
  try {
    const exported = await client.send(
      new ExportCertificateCommand({ CertificateArn: arn, Passphrase: Buffer.from(passphrase) }),
    );
    const { Certificate, CertificateChain = '', PrivateKey } = exported;
    if (Certificate === undefined || PrivateKey === undefined) {
      throw new Error('ACM answered without the certificate or its key');
    }
    const key = createPrivateKey({ key: PrivateKey, passphrase })
      .export({ type: 'pkcs8', format: 'pem' })
      .toString();
    return { cert: `${Certificate.trimEnd()}\n${CertificateChain}`, key };
  } catch (error) {
    throw new OperatorError(
      `${path}.acmArn: expected an exportable certificate, got "${arn}" (${(error as Error).message})`,
    );
  } finally {
    client.destroy();
  }
}

/** The region stands in the ARN and may differ from the process's own. */
function regionOf(arn: string): string {
  return arn.split(':')[3] ?? '';
}
