import { generate } from 'selfsigned';

/** A certificate for one host name and the loopback addresses, made anew at each start; ECDSA P-256, a year. */
export async function makeSelfSignedCertificate(
  hostname: string,
): Promise<{ cert: string; key: string }> {
  const day = 24 * 60 * 60 * 1000;
  const { cert, private: key } = await generate([{ name: 'commonName', value: hostname }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - day),
    notAfterDate: new Date(Date.now() + 365 * day),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: hostname },
          ...(hostname === 'localhost' ? [] : [{ type: 2, value: 'localhost' } as const]),
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { cert, key };
}
