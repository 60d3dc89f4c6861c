// What is valid, and seldom meant: reported by `config check` and at synthesis, and no reason not to start.
import type { Configuration } from './schema.ts';
import { verifyModesOf } from './verify-modes.ts';

export interface ConfigurationWarning {
  /** In the notation of JavaScript: `listeners[0].tlsProfile`. */
  readonly path: string;
  readonly text: string;
}

export function configurationWarnings({
  listeners,
  tls,
  verify,
}: Pick<Configuration, 'listeners' | 'tls' | 'verify'>): ConfigurationWarning[] {
  const warnings: ConfigurationWarning[] = [];
  const inherited = listeners.filter(
    (listener) => listener.tls !== 'none' && listener.tlsProfile === undefined,
  );
  if (tls.profile === 'old' && inherited.length > 0) {
    const names = inherited.map(({ name }) => `"${name}"`).join(', ');
    warnings.push({ path: 'tls.profile', text: `${OLD_TLS}; of ${names}` });
  }
  for (const [at, listener] of listeners.entries()) {
    const { tlsProfile } = listener;
    for (const setting of ['trustedProxies', 'trustedXclients'] as const) {
      const wide = listener[setting].filter(isWide);
      if (wide.length === 0) continue;
      warnings.push({
        path: `listeners[${at}].${setting}`,
        text: `${wide.join(', ')} has very many addresses, and any client in it may say that it is another: only where a security group lets none but the proxies in`,
      });
    }
    if (tlsProfile === 'old') warnings.push({ path: `listeners[${at}].tlsProfile`, text: OLD_TLS });
  }
  const spfRejecting = listeners.filter(
    (listener) => verifyModesOf(verify, listener).spf === 'reject',
  );
  if (spfRejecting.length > 0) {
    const names = spfRejecting.map(({ name }) => `"${name}"`).join(', ');
    warnings.push({ path: 'verify.spf', text: `${SPF_REJECT}; on ${names}` });
  }
  return warnings;
}

const SPF_REJECT =
  '"reject" refuses forwarded mail too, even where DKIM proves its sender; dmarc "reject" does what the domain of the sender asks for';

const OLD_TLS =
  '"old" allows TLS 1.0 and CBC, which are broken: only for devices in a private network, on a listener that the Internet cannot reach';

/** Networks that no one operator has: IPv4 with fewer than 8 bits, IPv6 with fewer than 16. */
function isWide(network: string): boolean {
  const [address = '', bits] = network.split('/');
  return bits !== undefined && Number(bits) < (address.includes(':') ? 16 : 8);
}

/** `listeners[0].tlsProfile: "old" allows …` */
export function renderWarning({ path, text }: ConfigurationWarning): string {
  return `${path}: ${text}`;
}
