// The rules for key prefixes and topics. They are the same in the configuration, on a command line and in a row of the
// credential table.

/**
 * Printable ASCII that needs no escape in a URL or a policy, without a leading slash. Under outbox/ are the notifications
 * that wait, and what is there is published or deleted.
 */
export const OBJECT_PREFIX = /^(?!\/|outbox\/)[A-Za-z0-9!_.*'()/=-]{0,200}$/;

export const TOPIC_ARN = /^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/;
