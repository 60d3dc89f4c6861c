// Policy: who may send what to whom. README.md in this folder describes the checks and their order.
export { isNetwork } from '../net/networks.ts';
export { canonicalMailbox, checkAddressPattern } from './address-pattern.ts';
export {
  checkRecipient,
  checkSender,
  checkDestination,
  checkSize,
  type Destination,
  destinationOf,
} from './authorization.ts';
export { OBJECT_PREFIX, TOPIC_ARN } from './destination-rules.ts';
export { type Grants, grantsOf, issueGrants, type Rate, renewGrants } from './grants.ts';
export { limitMessages } from './message-limits.ts';
export {
  createRateLimit,
  type RateLimit,
  type RateLimitEvent,
  type RateLimitOptions,
} from './rate-limit.ts';
export { createRoutes, type Route, type Routes } from './routes.ts';
