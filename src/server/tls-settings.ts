// The TLS that every listener speaks. What may be configured is the certificates, not the strength.
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

/** Mozilla's intermediate list (Server Side TLS, version 5.7) without finite-field DH, in its order. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

const CLASSICAL_GROUPS = 'X25519:prime256v1:secp384r1';

let groups: string | undefined;

/** The hybrid post-quantum group first, where OpenSSL (3.5 and later) knows it: it is asked once. */
function knownGroups(): string {
  if (groups !== undefined) return groups;
  groups = `X25519MLKEM768:${CLASSICAL_GROUPS}`;
  try {
    createSecureContext({ ecdhCurve: groups });
  } catch {
    groups = CLASSICAL_GROUPS;
  }
  return groups;
}

/**
 * A context for these certificates: TLS 1.2 and 1.3 only, no renegotiation (a client's cheap way to make the
 * server work). The order of ciphers is ours, but a client that puts ChaCha20 first gets it: it knows that it
 * has no AES in hardware. Every cipher on the list is as strong as the next, so that Mozilla leaves the order to
 * the client; scanners call that a fault, and this gives both what they want.
 */
export function makeSecureContext(certificates: SecureContextOptions): SecureContext {
  return createSecureContext({
    ...certificates,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    ecdhCurve: knownGroups(),
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA,
    // Without it OpenSSL refuses to resume a session in which a client certificate was asked for.
    sessionIdContext: 'mailsluice',
  });
}
