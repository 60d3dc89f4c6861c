import type { TLSSocket } from 'node:tls';
import type { TlsFacts } from '../smtp/index.ts';

/** What is known of a connection's TLS once its handshake is finished. */
export function readTlsFacts(socket: TLSSocket): TlsFacts {
  const cipher = socket.getCipher();
  const serverName = serverNameOf(socket);
  const clientCertificate = clientCertificateOf(socket);
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: cipher.standardName,
    ...(serverName !== undefined && { serverName }),
    ...(clientCertificate && { clientCertificate }),
  };
}

/** What the client asked for with SNI; Node.js says `false` where it asked for nothing. */
function serverNameOf(socket: TLSSocket): string | undefined {
  const { servername } = socket as { servername?: string | false | null };
  return typeof servername === 'string' && servername !== '' ? servername : undefined;
}

/** Only a verified certificate says who the client is. */
function clientCertificateOf(socket: TLSSocket): TlsFacts['clientCertificate'] {
  if (!isVerified(socket)) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return (
    certificate && {
      subject: certificate.subject.replaceAll('\n', ','),
      fingerprint256: certificate.fingerprint256,
    }
  );
}

/**
 * What tls.Server makes `authorized` from, which a TLSSocket made by the caller leaves at false. Not in the
 * documentation of Node.js: if a later version lacks it, no certificate counts as verified.
 */
function isVerified(socket: TLSSocket): boolean {
  const { ssl } = socket as { ssl?: { verifyError?: () => Error | null } };
  return ssl?.verifyError?.() === null;
}
