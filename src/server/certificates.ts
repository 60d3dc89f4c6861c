// The certificates a server serves: which one for which name, and their replacement while it runs.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { CertificateError, messageOf } from './errors.ts';
import type { CertificateFacts } from './events.ts';
import { makeSecureContext, type TlsProfile } from './tls-settings.ts';

/**
 * One certificate with its private key, both PEM. Several for one name with keys of different types (ECDSA and
 * RSA) are served together, and each client gets the one it can verify. The first is also what a client gets
 * that asks for no name, or for one that nobody here has.
 *
 * @example
 * const certificate: Certificate = {
 *   cert: await readFile('mx.crt', 'utf8'),
 *   key: await readFile('mx.key', 'utf8'),
 *   serverNames: ['mx.example.com', '*.in.example.com'],
 * };
 */
export interface Certificate {
  /** The certificate, then its intermediates. */
  readonly cert: string;
  readonly key: string;
  /** The names of SNI that it serves, `*.example.com` for one label. Default: the names in the certificate. */
  readonly serverNames?: readonly string[];
}

interface Checked {
  readonly source: Certificate;
  readonly serverNames: readonly string[];
  readonly keyType: string;
  readonly x509: X509Certificate;
}

/** The contexts of one TLS profile. */
interface Contexts {
  readonly byName: ReadonlyMap<string, SecureContext>;
  readonly fallback: SecureContext;
}

/** What serves at one time: made whole, or not at all. */
interface Served {
  readonly byProfile: ReadonlyMap<TlsProfile, Contexts>;
  readonly facts: readonly CertificateFacts[];
}

/** How the certificates are served. */
export interface CertificateUse {
  /** The profiles of the listeners. */
  readonly profiles: readonly TlsProfile[];
  /** The authorities of client certificates. */
  readonly clientAuthorities?: readonly string[];
}

export class CertificateStore {
  readonly #use: CertificateUse;
  #served: Served;

  /** Throws a `CertificateError` where one of them cannot be used. */
  constructor(certificates: readonly Certificate[], use: CertificateUse) {
    this.#use = use;
    this.#served = makeServed(certificates, use);
  }

  /** Serves these from the next handshake on. Throws a `CertificateError` and changes nothing if they are bad. */
  replace(certificates: readonly Certificate[]): void {
    this.#served = makeServed(certificates, this.#use);
  }

  get facts(): readonly CertificateFacts[] {
    return this.#served.facts;
  }

  /** For a client that asks for this name (SNI, RFC 6066 section 3), or for none. */
  contextFor(profile: TlsProfile, serverName = ''): SecureContext {
    const contexts = this.#served.byProfile.get(profile);
    if (!contexts) throw new Error(`expected a profile of a listener, got ${profile}`);
    const { byName, fallback } = contexts;
    const name = serverName.toLowerCase();
    const wildcard = `*${name.slice(Math.max(name.indexOf('.'), 0))}`;
    return byName.get(name) ?? byName.get(wildcard) ?? fallback;
  }
}

function makeServed(
  certificates: readonly Certificate[],
  { profiles, clientAuthorities }: CertificateUse,
): Served {
  const checked = certificates.map(requireUsable);
  for (const [index, authority] of (clientAuthorities ?? []).entries()) {
    requireCertificate(authority, `tls.clientAuthorities[${index}]`);
  }
  const [first] = checked;
  if (!first) throw new CertificateError('tls.certificates: expected at least one, got none');
  return {
    byProfile: new Map(
      profiles.map((profile) => [
        profile,
        makeContexts(checked, first, profile, clientAuthorities),
      ]),
    ),
    facts: checked.map(({ x509, serverNames, keyType }) => ({
      subject: subjectOf(x509),
      serverNames,
      keyType,
      validTo: new Date(x509.validTo),
      isExpired: Date.parse(x509.validTo) <= Date.now(),
      fingerprint256: x509.fingerprint256,
    })),
  };
}

function makeContexts(
  checked: readonly Checked[],
  first: Checked,
  profile: TlsProfile,
  clientAuthorities: readonly string[] | undefined,
): Contexts {
  const made = new Map<string, SecureContext>();
  const contextOf = (group: readonly Checked[]): SecureContext => {
    const chosen = oneForEachKeyType(group);
    const id = chosen.map((each) => checked.indexOf(each)).join();
    const context = made.get(id) ?? makeContext(chosen, profile, clientAuthorities);
    made.set(id, context);
    return context;
  };
  const withName = (name: string): Checked[] =>
    checked.filter((each) => each.serverNames.includes(name));

  const names = new Set(checked.flatMap((each) => each.serverNames));
  const [firstName] = first.serverNames;
  return {
    byName: new Map([...names].map((name) => [name, contextOf(withName(name))])),
    fallback: contextOf(
      firstName === undefined
        ? checked.filter((each) => each.serverNames.length === 0)
        : withName(firstName),
    ),
  };
}

function oneForEachKeyType(group: readonly Checked[]): Checked[] {
  const types = [...new Set(group.map((each) => each.keyType))];
  return types.flatMap((type) => group.find((each) => each.keyType === type) ?? []);
}

function makeContext(
  group: readonly Checked[],
  profile: TlsProfile,
  clientAuthorities: readonly string[] | undefined,
): SecureContext {
  try {
    const cert = group.map((each) => each.source.cert);
    const key = group.map((each) => each.source.key);
    const ca = clientAuthorities && { ca: [...clientAuthorities] };
    return makeSecureContext({ cert, key, ...ca }, profile);
  } catch (error) {
    const subjects = group.map((each) => subjectOf(each.x509)).join(', ');
    throw new CertificateError(
      `certificate ${subjects}: expected one that OpenSSL serves, got ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function requireUsable(source: Certificate, index: number): Checked {
  const where = `tls.certificates[${index}]`;
  const x509 = requireCertificate(source.cert, `${where}.cert`);
  const key = requireKey(source.key, where);
  if (!x509.checkPrivateKey(key)) {
    throw new CertificateError(
      `${where}.key: expected the private key of the certificate ${subjectOf(x509)}, got another key`,
    );
  }
  const serverNames = (source.serverNames ?? namesIn(x509)).map((name) => name.toLowerCase());
  return { source, serverNames, keyType: key.asymmetricKeyType ?? 'unknown', x509 };
}

function requireCertificate(pem: string, where: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new CertificateError(
      `${where}: expected a certificate in PEM, got ${describe(pem)} (${messageOf(error)})`,
      { cause: error },
    );
  }
}

function requireKey(pem: string, where: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // No cause and no text of OpenSSL's: what was read here may be a key.
    throw new CertificateError(
      `${where}.key: expected a private key in PEM without a passphrase, got ${describe(pem)}`,
    );
  }
}

/** What kind of text this is, and never the text. */
function describe(pem: string): string {
  const label = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(pem)?.[1];
  return label === undefined ? `${pem.length} characters without a PEM header` : `a ${label}`;
}

function subjectOf(x509: X509Certificate): string {
  return x509.subject.replaceAll('\n', ', ');
}

function namesIn(x509: X509Certificate): string[] {
  const names = x509.subjectAltName?.matchAll(/DNS:([^,\s"]+)/g) ?? [];
  return [...names].flatMap((match) => match[1] ?? []);
}
