import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { OperatorError } from './operator-error.ts';

/**
 * Trusts the certificates of `AWS_CA_BUNDLE` beside those of Node.js, in every TLS connection that this process opens
 * from now on: to AWS, and to what gives the credentials.
 * @throws OperatorError
 */
export function trustCaBundle(file: string | undefined): void {
  if (file === undefined || file === '') return;
  setDefaultCACertificates([...getCACertificates('default'), ...readCertificates(file)]);
}

function readCertificates(file: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw failure(file, code);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (certificates === null) throw failure(file, 'it has none');
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch {
      throw failure(file, `certificate ${index + 1} is not valid`);
    }
  }
  return certificates;
}

function failure(file: string, reason: string): OperatorError {
  return new OperatorError(
    `AWS_CA_BUNDLE: expected a file of PEM certificates, got "${file}" (${reason})`,
  );
}
