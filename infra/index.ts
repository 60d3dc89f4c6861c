// `mailsluice/cdk`: the whole service as one construct, and its parts.
export type { ProgramConfiguration } from './bridge/configuration.ts';
export { ProgramImage } from './bridge/image.ts';
export type { BridgeMetricOptions } from './watch/metrics.ts';
export { ClientAddress, Egress, type Monitoring, type MtaStsMode } from './bridge/choices.ts';
export { MailBridge } from './bridge/mail-bridge.ts';
export type { SubscriberOptions } from './bridge/subscriber-options.ts';
export type { MailBridgeProps } from './bridge/mail-bridge-props.ts';
export { MailData, type MailDataProps } from './data/mail-data.ts';
export type { ScanConfiguration, ScannerContainer, Scanners } from './scan/scanners.ts';
export { addOutputs } from './app/outputs.ts';
export {
  type BoundCertificate,
  type SelfSignedOptions,
  TlsCertificate,
} from './certificate/tls-certificate.ts';
