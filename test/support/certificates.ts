// Certificates for tests: made once for each name and kind, signed by themselves or by a test authority.
import { generate } from 'selfsigned';

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateWish {
  readonly names?: readonly string[];
  readonly keyType?: 'ec' | 'rsa';
  /** Days from now until it ends; negative for one that has ended. */
  readonly days?: number;
  /** Who signs it. Default: itself. */
  readonly authority?: TestCertificate;
  /** Whether it may sign others. */
  readonly isAuthority?: boolean;
}

const DAY = 86_400_000;

export async function makeCertificate(wish: CertificateWish = {}): Promise<TestCertificate> {
  const { names = ['localhost'], keyType = 'ec', days = 30, authority, isAuthority = false } = wish;
  const [commonName = ''] = names;
  const notAfterDate = new Date(Date.now() + days * DAY);
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType,
    algorithm: 'sha256',
    notBeforeDate: new Date(notAfterDate.getTime() - 60 * DAY),
    notAfterDate,
    ...(authority && { ca: authority }),
    extensions: [
      { name: 'basicConstraints', cA: isAuthority, critical: true },
      ...(isAuthority
        ? [{ name: 'keyUsage' as const, keyCertSign: true, digitalSignature: true }]
        : []),
      {
        name: 'subjectAltName',
        altNames: names.map((value) => ({ type: 2 as const, value })),
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}
