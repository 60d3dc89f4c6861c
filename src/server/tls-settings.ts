// The TLS that a listener speaks: one of three profiles, which are Mozilla's (Server Side TLS, version 5.7) without
// finite-field DH and without 3DES. Single protocols and ciphers cannot be chosen.
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

/**
 * `modern`: TLS 1.3 only. `intermediate`: TLS 1.2 and 1.3 with forward secrecy and authenticated encryption. `old`: also TLS
 * 1.0 and 1.1, CBC and RSA key exchange, for devices in a private network that cannot do better.
 */
export type TlsProfile = 'modern' | 'intermediate' | 'old';

interface Settings {
  readonly minVersion: 'TLSv1' | 'TLSv1.2' | 'TLSv1.3';
  /** In our order of preference. */
  readonly ciphers: readonly string[];
}

const MODERN = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
const INTERMEDIATE = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];
const OLD = [
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA256',
  'AES256-SHA256',
  'AES128-SHA',
  'AES256-SHA',
];

const PROFILES: Readonly<Record<TlsProfile, Settings>> = {
  modern: { minVersion: 'TLSv1.3', ciphers: MODERN },
  intermediate: { minVersion: 'TLSv1.2', ciphers: [...MODERN, ...INTERMEDIATE] },
  // OpenSSL 3 speaks TLS 1.0 and 1.1, whose signatures are by SHA-1, at this security level only.
  old: { minVersion: 'TLSv1', ciphers: [...MODERN, ...INTERMEDIATE, ...OLD, '@SECLEVEL=0'] },
};

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
 * A context for these certificates, without renegotiation (a client's cheap way to make the server work). The order of
 * ciphers is ours, the strongest first, but a client that puts ChaCha20 first gets it: it knows that it has no AES in
 * hardware. Each cipher of the two stronger profiles is as strong as the next, so that Mozilla leaves their order to the
 * client; scanners call that a fault, and this gives both what they want.
 */
export function makeSecureContext(
  certificates: SecureContextOptions,
  profile: TlsProfile,
): SecureContext {
  const { minVersion, ciphers } = PROFILES[profile];
  return createSecureContext({
    ...certificates,
    minVersion,
    maxVersion: 'TLSv1.3',
    ciphers: ciphers.join(':'),
    ecdhCurve: knownGroups(),
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA,
    // Without it OpenSSL refuses to resume a session in which a client certificate was asked for.
    sessionIdContext: 'mailsluice',
  });
}
