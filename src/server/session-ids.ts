import { randomBytes } from 'node:crypto';

/** Short, printable, and of this process alone. */
export function makeSessionIds(): () => string {
  const prefix = randomBytes(5).toString('hex');
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}
