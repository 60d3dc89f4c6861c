import type { ConfigurationProblem } from './problem.ts';
import { scanContradictions } from './scan-contradictions.ts';
import type { Configuration } from './schema.ts';
import { verifyContradictions } from './verify-contradictions.ts';

/** Problems between fields: settings that are valid alone and not together. */
export function contradictions(sections: Partial<Configuration>): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const listeners = sections.listeners ?? [];

  const names = new Set<string>();
  const taken: Taken[] = [];
  for (const [at, listener] of listeners.entries()) {
    const path = `listeners[${at}]`;
    if (names.has(listener.name)) {
      problems.push({
        path: `${path}.name`,
        expected: 'a name that no other listener has',
        got: JSON.stringify(listener.name),
      });
    }
    names.add(listener.name);
    const before = taken.find((other) => isSameAddress(other, listener));
    if (before !== undefined) {
      problems.push({
        path: `${path}.port`,
        expected: `an address that no other listener has, as ${before.path} has`,
        got: JSON.stringify(`${listener.host}:${listener.port}`),
      });
    }
    taken.push({ path, host: listener.host, port: listener.port });
    if (listener.trustedXclients.some((network) => /\/0+$/.test(network))) {
      problems.push({
        path: `${path}.trustedXclients`,
        expected:
          'the networks of the proxies, since every client in them can name a signed-in user',
        got: JSON.stringify(listener.trustedXclients),
      });
    }
    if (listener.tls === 'none' && listener.requireTls) {
      problems.push({
        path: `${path}.requireTls`,
        expected: 'false on a listener without TLS, or tls "starttls" or "implicit"',
        got: 'true',
      });
    }
    if (listener.tls === 'none' && listener.tlsProfile !== undefined) {
      problems.push({
        path: `${path}.tlsProfile`,
        expected: 'nothing on a listener without TLS, or tls "starttls" or "implicit"',
        got: JSON.stringify(listener.tlsProfile),
      });
    }
    if (listener.auth !== 'none' && listener.tls === 'none') {
      problems.push({
        path: `${path}.auth`,
        expected: '"none" on a listener without TLS, since passwords never travel in the clear',
        got: JSON.stringify(listener.auth),
      });
    }
    const everybody = listener.trustedNetworks.find((network) => /\/0+$/.test(network));
    if (everybody !== undefined) {
      problems.push({
        path: `${path}.trustedNetworks`,
        expected: 'networks of your own, not all addresses',
        got: JSON.stringify(everybody),
      });
    }
    if (listener.addressSyntax === 'strict' && listener.trustedNetworks.length > 0) {
      problems.push({
        path: `${path}.trustedNetworks`,
        expected: 'no networks, since addressSyntax "strict" refuses addresses without a domain',
        got: JSON.stringify(listener.trustedNetworks),
      });
    }
    if (listener.clientAddress === 'proxy' && listener.trustedProxies.length === 0) {
      problems.push({
        path: `${path}.trustedProxies`,
        expected: 'the address ranges of the proxies, since clientAddress is "proxy"',
        got: '[]',
      });
    }
  }

  const { health } = sections;
  const atHealth = health && taken.find((listener) => isSameAddress(listener, health));
  if (health !== undefined && atHealth !== undefined) {
    problems.push({
      path: 'health.port',
      expected: `an address that no listener has, as ${atHealth.path} has`,
      got: JSON.stringify(`${health.host}:${health.port}`),
    });
  }

  const signingIn = listeners.find(({ auth }) => auth !== 'none');
  if (signingIn !== undefined && 'credentials' in sections && sections.credentials === undefined) {
    problems.push({
      path: 'credentials.table',
      expected: `the credential table, since listener "${signingIn.name}" has auth "${signingIn.auth}"`,
      got: undefined,
    });
  }
  const { duplicates } = sections;
  if (
    duplicates !== undefined &&
    duplicates.table === undefined &&
    'credentials' in sections &&
    sections.credentials === undefined
  ) {
    problems.push({
      path: 'duplicates.table',
      expected: 'the table to remember messages in, since there is no credentials.table',
      got: undefined,
    });
  }

  const secured = listeners.find(({ tls }) => tls !== 'none');
  if (secured !== undefined && sections.tls?.certificates.length === 0) {
    problems.push({
      path: 'tls.certificates',
      expected: `at least one certificate, since listener "${secured.name}" has tls "${secured.tls}"`,
      got: '[]',
    });
  }

  for (const [at, route] of (sections.routes ?? []).entries()) {
    if (route.reject !== undefined && route.prefix !== undefined) {
      problems.push({
        path: `routes[${at}]`,
        expected: 'either prefix or reject',
        got: 'both',
      });
    }
  }

  problems.push(...scanContradictions(sections));
  problems.push(...verifyContradictions(sections));

  const { shutdown } = sections;
  if (shutdown !== undefined && shutdown.grace >= shutdown.deadline) {
    problems.push({
      path: 'shutdown.grace',
      expected: `less than shutdown.deadline (${shutdown.deadline} s)`,
      got: `${shutdown.grace}`,
    });
  }
  return problems;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Taken extends Address {
  readonly path: string;
}

const EVERY_ADDRESS = new Set(['0.0.0.0', '::', '[::]']);

/** Whether one of the two cannot listen because of the other. */
function isSameAddress(one: Address, other: Address): boolean {
  if (one.port === 0 || one.port !== other.port) return false;
  return one.host === other.host || EVERY_ADDRESS.has(one.host) || EVERY_ADDRESS.has(other.host);
}
