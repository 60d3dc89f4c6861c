/** What no user name may have (RFC 4013 section 2.3): it would reach hooks, logs and terminals. */
const UNSAFE_IN_NAME = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Whether a user name has no control, line end or bidirectional mark. */
export function isSafeName(name: string): boolean {
  return !UNSAFE_IN_NAME.test(name);
}
