// The one decision behind `552 5.3.4` (RFC 1870 section 6.1 for a declared SIZE, section 6.3 for the octets received):
// MAIL asks it for SIZE, and DATA and BDAT ask it for each read.

/** The rule that a message over the limit breaks, declared or received. */
export const MESSAGE_TOO_LARGE = 'message-too-large';

/** Whether a message of this size is over the listener's limit. Both in octets, dots removed (RFC 1870 section 3). */
export function exceedsSizeLimit(sizeInOctets: number, maxMessageSize: number): boolean {
  return sizeInOctets > maxMessageSize;
}
