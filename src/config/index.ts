export { ConfigurationError, parseConfiguration, parseSection } from './parse.ts';
export type { ConfigurationProblem } from './problem.ts';
export {
  type CertificateConfiguration,
  type Configuration,
  type ConfigurationInput,
  configurationJsonSchema,
  type ListenerConfiguration,
  type RouteConfiguration,
} from './schema.ts';
export {
  checksSenders,
  refusingSettings,
  type VerifyModes,
  verifyModesOf,
} from './verify-modes.ts';
export { type ConfigurationWarning, configurationWarnings, renderWarning } from './warnings.ts';
