import type { AwsFailure } from '../events.ts';
import { type Notification, reduceNotification } from './notification.ts';

export interface ReducedPublish {
  /** Rejects with the SDK's error. */
  readonly publish: (rest: Notification) => Promise<void>;
  readonly classify: (error: unknown) => AwsFailure;
  /** Whether the failure speaks of the notification itself, so that less of it may be accepted. */
  readonly isRefusal: (failure: AwsFailure) => boolean;
  /** Whether there is time for another try. */
  readonly hasTime: () => boolean;
}

/**
 * After a refusal: publishes the notification with one thing less at a time, the least valuable first. `undefined` when
 * SNS accepted one of them, else the last failure. Each step leaves one thing out, so it ends.
 */
export async function publishReduced(
  notification: Notification,
  refusal: AwsFailure,
  { publish, classify, isRefusal, hasTime }: ReducedPublish,
): Promise<AwsFailure | undefined> {
  let last = refusal;
  let rest = reduce(notification, last);
  while (rest !== undefined && hasTime()) {
    try {
      await publish(rest);
      return undefined;
    } catch (error) {
      last = classify(error);
      if (!isRefusal(last)) return last;
      rest = reduce(rest, last);
    }
  }
  return last;
}

/** `undefined` where nothing is left to leave out, or a marker holds what cannot be reduced. */
function reduce(notification: Notification, { message }: AwsFailure): Notification | undefined {
  try {
    return reduceNotification(notification, message);
  } catch {
    return undefined;
  }
}
