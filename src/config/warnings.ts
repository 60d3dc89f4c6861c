// What is valid, and seldom meant: reported by `config check` and at synthesis, and no reason not to start.
import type { Configuration } from './schema.ts';

export interface ConfigurationWarning {
  /** In the notation of JavaScript: `listeners[0].tlsProfile`. */
  readonly path: string;
  readonly text: string;
}

export function configurationWarnings({
  listeners,
  tls,
}: Pick<Configuration, 'listeners' | 'tls'>): ConfigurationWarning[] {
  const warnings: ConfigurationWarning[] = [];
  const inherited = listeners.filter(
    (listener) => listener.tls !== 'none' && listener.tlsProfile === undefined,
  );
  if (tls.profile === 'old' && inherited.length > 0) {
    const names = inherited.map(({ name }) => `"${name}"`).join(', ');
    warnings.push({ path: 'tls.profile', text: `${OLD_TLS}; of ${names}` });
  }
  for (const [at, { tlsProfile }] of listeners.entries()) {
    if (tlsProfile === 'old') warnings.push({ path: `listeners[${at}].tlsProfile`, text: OLD_TLS });
  }
  return warnings;
}

const OLD_TLS =
  '"old" allows TLS 1.0 and CBC, which are broken: only for devices in a private network, on a listener that the Internet cannot reach';

/** `listeners[0].tlsProfile: "old" allows …` */
export function renderWarning({ path, text }: ConfigurationWarning): string {
  return `${path}: ${text}`;
}
