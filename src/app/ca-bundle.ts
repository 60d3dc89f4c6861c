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
  const own = readCertificates(file, 'AWS_CA_BUNDLE');
  setDefaultCACertificates([...getCACertificates('default'), ...own]);
}

/**
 * The PEM certificates of a file that `origin` names.
 * @throws OperatorError
 */
export function readCertificates(file: string, origin: string): readonly string[] {
  const failure = (reason: string): OperatorError =>
    new OperatorError(`${origin}: expected a file of PEM certificates, got "${file}" (${reason})`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw failure(code);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (certificates === null) throw failure('it has none');
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch {
      throw failure(`certificate ${index + 1} is not valid`);
    }
  }
  return certificates;
}
