// What ties a sign-in to the TLS connection it is made on, for SCRAM-SHA-256-PLUS: a proof that was made
// for another connection (machine in the middle) does not fit.
import { createHash, type X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ChannelBinding } from '../smtp/index.ts';

/** RFC 9266 section 2. */
const EXPORTER_LABEL = 'EXPORTER-Channel-Binding';
const EXPORTER_OCTETS = 32;

/** Tells the octets of a secured connection when they are asked for, which few sessions do. */
export function makeChannelBinding(socket: TLSSocket): ChannelBinding {
  return (type) => {
    switch (type) {
      case 'tls-exporter':
        // Under TLS 1.2 it binds only with an extended master secret (RFC 9266 section 4.2), and whether there
        // is one Node.js does not tell.
        if (socket.getProtocol() !== 'TLSv1.3') return undefined;
        return socket.exportKeyingMaterial(EXPORTER_OCTETS, EXPORTER_LABEL, Buffer.alloc(0));
      case 'tls-server-end-point':
        return endPointOf(socket.getX509Certificate());
    }
  };
}

/** The hash of our certificate, by the hash function of its signature, and SHA-256 where that is weaker (RFC 5929 section 4.1). */
function endPointOf(certificate: X509Certificate | undefined): Buffer | undefined {
  const signature: string | undefined = certificate?.signatureAlgorithm;
  const name =
    signature === undefined ? null : /(?:md5|sha1|sha224|sha256|sha384|sha512)/i.exec(signature);
  if (!certificate || !name) return undefined;
  const hash = name[0].toLowerCase();
  const isWeak = hash === 'md5' || hash === 'sha1';
  return createHash(isWeak ? 'sha256' : hash)
    .update(certificate.raw)
    .digest();
}
