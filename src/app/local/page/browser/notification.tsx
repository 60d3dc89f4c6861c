import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { MailDetail } from '../shapes.ts';
import { ask, mailPath } from './api.ts';
import { visible } from './format.tsx';
import { useLoaded } from './live.ts';

interface Notifications {
  readonly notifications: readonly {
    readonly notification: unknown;
    readonly sqsEvent: object;
    readonly snsEvent: object;
  }[];
}

/** The notification as the subscriber gets it. */
export function NotificationView({ mail }: { mail: MailDetail }): JSX.Element {
  const { value, error } = useLoaded(mail.id, () =>
    ask<Notifications>(mailPath(mail.id, '/notification')),
  );
  if (error !== undefined) return <p class="problem">{error}</p>;
  if (value === undefined) return <p class="loading">Loading …</p>;
  return (
    <div class="notification">
      {value.notifications.map(({ notification, sqsEvent, snsEvent }, at) => (
        <div key={at}>
          <p class="bar">
            <Copy label="Copy as a Lambda test event (from SQS)" text={() => pretty(sqsEvent)} />
            <Copy label="Copy as a Lambda test event (from SNS)" text={() => pretty(snsEvent)} />
            <Copy label="Copy the notification" text={() => pretty(notification)} />
          </p>
          <pre class="json" tabIndex={0} role="region" aria-label="Notification">
            {visible(pretty(notification))}
          </pre>
        </div>
      ))}
    </div>
  );
}

function pretty(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}

export function Copy({ label, text }: { label: string; text: () => string }): JSX.Element {
  const [state, setState] = useState('');
  const copy = (): void => {
    navigator.clipboard.writeText(text()).then(
      () => setState('Copied'),
      () => setState('Not copied: the browser does not allow it'),
    );
  };
  return (
    <span class="copy">
      <button type="button" onClick={copy}>
        {label}
      </button>
      <span role="status" class="facts">
        {state}
      </span>
    </span>
  );
}
