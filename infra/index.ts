// `mailsluice/cdk`: the whole service as one construct, and its parts where one wants them apart.
export type { BridgeConfiguration } from './bridge-configuration.ts';
export { BridgeImage } from './bridge-image.ts';
export type { BridgeMetricOptions } from './bridge-metrics.ts';
export { ClientAddress, Egress, type MtaStsMode } from './choices.ts';
export { MailBridge, type SubscriberOptions } from './mail-bridge.ts';
export type { MailBridgeProps } from './mail-bridge-props.ts';
export { MailData, type MailDataProps } from './mail-data.ts';
export { addOutputs } from './outputs.ts';
export { type BoundCertificate, TlsCertificate } from './tls-certificate.ts';
