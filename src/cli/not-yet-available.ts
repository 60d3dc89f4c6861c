import {
  type Configuration,
  ConfigurationError,
  type ConfigurationProblem,
} from '../config/index.ts';

/**
 * Settings that the schema knows and this version cannot carry out yet: refused by name, since a setting
 * that is silently ignored is a promise broken.
 * @throws ConfigurationError
 */
export function refuseNotYetAvailable(configuration: Configuration): void {
  const problems: ConfigurationProblem[] = [];
  for (const [check, action] of Object.entries(configuration.verify)) {
    if (action === 'off') continue;
    problems.push({
      path: `verify.${check}`,
      expected: '"off", since sender verification is not yet available',
      got: JSON.stringify(action),
    });
  }
  for (const [at, { clientAddress, protocol }] of configuration.listeners.entries()) {
    if (clientAddress === 'proxy') {
      problems.push({
        path: `listeners[${at}].clientAddress`,
        expected: '"socket", since the PROXY protocol is not yet available',
        got: '"proxy"',
      });
    }
    if (protocol === 'lmtp') {
      problems.push({
        path: `listeners[${at}].protocol`,
        expected: '"smtp", since LMTP is not yet available',
        got: '"lmtp"',
      });
    }
  }
  if (configuration.duplicates !== undefined) {
    problems.push({
      path: 'duplicates',
      expected: 'nothing, since the duplicate guard is not yet available',
      got: JSON.stringify(configuration.duplicates),
    });
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
}
