// Numbers as an alarm says them, so that its text cannot differ from its threshold and its periods.
import type { Duration } from 'aws-cdk-lib';

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** In the largest unit that needs no fraction: `5 minutes`, `1 day`. */
export function timeInWords(duration: Duration): string {
  const seconds = duration.toSeconds();
  const [unit, length] = UNITS.find(([, each]) => seconds >= each && seconds % each === 0) ?? [
    'second',
    1,
  ];
  const count = seconds / length;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** `at least one message`, `at least 5 messages`. */
export function atLeast(count: number, noun: string): string {
  return count === 1 ? `at least one ${noun}` : `at least ${count} ${noun}s`;
}
