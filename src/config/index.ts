export { ConfigurationError, type ConfigurationProblem, parseConfiguration } from './parse.ts';
export {
  type CertificateConfiguration,
  type Configuration,
  type ConfigurationInput,
  configurationJsonSchema,
  type ListenerConfiguration,
  type RouteConfiguration,
} from './schema.ts';
