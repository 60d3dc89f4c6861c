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
  if (problems.length > 0) throw new ConfigurationError(problems);
}
