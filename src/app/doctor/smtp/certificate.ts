// What a TLS handshake says about a certificate: all faults of it, not only the first one.
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface CertificateFacts {
  readonly protocol: string;
  readonly cipher: string;
  /** OpenSSL's code where the chain is not trusted; expiry and the name are separate facts. */
  readonly chainFault?: string;
  readonly matchesHost: boolean;
  readonly names: string;
  readonly daysLeft: number;
  readonly expires: string;
}

const DAY_MILLIS = 86_400_000;
const NOT_OF_THE_CHAIN = ['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID'];

export function readCertificate(socket: TLSSocket, host: string): CertificateFacts | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const expires = new Date(certificate.validTo);
  const fault = faultOf(socket);
  return {
    protocol: socket.getProtocol() ?? 'TLS',
    cipher: socket.getCipher().standardName,
    ...(fault !== undefined && !NOT_OF_THE_CHAIN.includes(fault) && { chainFault: fault }),
    matchesHost: matches(certificate, host),
    names: (certificate.subjectAltName ?? certificate.subject).replaceAll('DNS:', ''),
    daysLeft: Math.floor((expires.getTime() - Date.now()) / DAY_MILLIS),
    expires: expires.toISOString().slice(0, 10),
  };
}

/** Typed as an error, and a code at run time. */
function faultOf({ authorizationError }: TLSSocket): string | undefined {
  const fault: unknown = authorizationError;
  if (fault === null || fault === undefined) return undefined;
  if (typeof fault === 'string') return fault;
  const { code, message } = fault as NodeJS.ErrnoException;
  return code ?? message;
}

function matches(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}

/** Whether a client that verifies certificates would go on. */
export function isTrusted({ chainFault, matchesHost, daysLeft }: CertificateFacts): boolean {
  return chainFault === undefined && matchesHost && daysLeft >= 0;
}
