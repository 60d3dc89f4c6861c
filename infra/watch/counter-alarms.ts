// Alarms on what the program counts, within five minutes.
import type { CounterName } from '../../src/telemetry/metric-names.ts';
import { atLeast } from './words.ts';

export interface CounterAlarm {
  /** Of the metric, the alarm and its article. */
  readonly name: CounterName;
  readonly severity: 'page' | 'warning';
  readonly threshold: number;
  /** What has happened so often. */
  readonly says: (threshold: number) => string;
}

export const COUNTER_ALARMS: readonly CounterAlarm[] = [
  // What a program under attack bears by itself, and somebody should look at. Honest clients spend no budget.
  {
    name: 'SessionBudgetsSpent',
    severity: 'warning',
    threshold: 200,
    says: (threshold) =>
      `${atLeast(threshold, 'session')} had to be ended: they had spent their budget of commands, errors or failed sign-ins`,
  },
  {
    name: 'AuthThrottled',
    severity: 'warning',
    threshold: 100,
    says: (threshold) =>
      `${atLeast(threshold, 'sign-in')} had to be refused uncompared: too many of the address or the user name had failed, or too many waited`,
  },
  {
    name: 'ListFailures',
    severity: 'warning',
    threshold: 10,
    says: (threshold) =>
      `DNS lists did not answer ${atLeast(threshold, 'question')}, or not pass their tests`,
  },
  {
    name: 'ScanFailures',
    severity: 'warning',
    threshold: 5,
    says: (threshold) =>
      `${atLeast(threshold, 'message')} were not judged by a scanner that was asked`,
  },
];
