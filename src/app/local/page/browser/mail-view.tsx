// One mail, with a tab for each way to look at it.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { MailDetail, PageStatus } from '../shapes.ts';
import { ask, askText, mailPath, post } from './api.ts';
import { DialogueView } from './dialogue.tsx';
import { Said, size, visible, When } from './format.tsx';
import { MailHandlerView } from './handler.tsx';
import { HtmlFrame } from './html-frame.tsx';
import { useEvents, useLoaded } from './live.ts';
import { NotificationView } from './notification.tsx';
import { LongText, StructureView } from './structure.tsx';

const TABS = {
  text: 'Text',
  html: 'HTML',
  headers: 'Headers',
  parts: 'Parts',
  raw: 'Raw',
  notification: 'Notification',
  object: 'Object',
  dialogue: 'Dialogue',
  verdicts: 'Verdicts',
  handler: 'Handler',
} as const;
type Tab = keyof typeof TABS;

export interface MailViewProps {
  readonly id: string;
  readonly tab: string | undefined;
  readonly status: PageStatus | undefined;
}

export function MailView({ id, tab, status }: MailViewProps): JSX.Element {
  const { value: mail, error, reload } = useLoaded(id, () => ask<MailDetail>(mailPath(id)));
  useEvents({
    mails: (changed) =>
      changed.some((each) => each.id === id && each.handler !== mail?.handler) && reload(),
    handler: (results) => results.some(({ messageId }) => messageId === id) && reload(),
  });
  const isUnread = mail !== undefined && !mail.isRead;
  useEffect(() => {
    if (isUnread) void mark(id, true).catch(() => undefined);
  }, [id, isUnread]);
  const known = tab !== undefined && tab in TABS ? (tab as Tab) : undefined;
  const shown = known ?? (mail?.hasHtml === true ? 'html' : 'text');
  const isLoaded = mail !== undefined;
  useEffect(() => {
    // In a narrow window only some tabs are seen.
    document
      .getElementById(`tab-${shown}`)
      ?.scrollIntoView({ inline: 'nearest', block: 'nearest' });
  }, [shown, isLoaded]);
  if (error !== undefined) {
    return (
      <div class="mail-view">
        <p class="problem">{error}</p>
      </div>
    );
  }
  if (mail === undefined) return <p class="loading">Loading …</p>;
  return (
    <article class="mail-view" aria-labelledby="mail-title">
      <a class="back" href="#/">
        ← All mails
      </a>
      <h2 id="mail-title">
        <Said text={mail.subject} fallback="no subject" />
      </h2>
      <dl class="envelope">
        <dt>From</dt>
        <dd>
          <Said text={mail.from} fallback="no From field" />
        </dd>
        <dt>Envelope</dt>
        <dd>
          <bdi>&lt;{visible(mail.source)}&gt;</bdi> to <Said text={mail.recipients.join(', ')} />
        </dd>
        <dt>Received</dt>
        <dd>
          <When at={mail.receivedAt} /> by {mail.listener}, {size(mail.sizeInOctets)}
          {mail.username !== null && `, signed in as ${mail.username}`}
        </dd>
      </dl>
      <Actions mail={mail} />
      <div class="tabs" role="tablist" aria-label="Views of the mail">
        {(Object.keys(TABS) as Tab[]).map((each) => (
          <button
            key={each}
            type="button"
            role="tab"
            id={`tab-${each}`}
            aria-selected={each === shown}
            aria-controls="mail-panel"
            tabIndex={each === shown ? 0 : -1}
            onClick={() => show(id, each)}
            onKeyDown={(event) => move(event, id, each)}
          >
            {TABS[each]}
            {each === 'parts' && mail.attachments.length > 0 && ` (${mail.attachments.length})`}
          </button>
        ))}
      </div>
      <div
        class="panel"
        id="mail-panel"
        role="tabpanel"
        aria-labelledby={`tab-${shown}`}
        tabIndex={0}
      >
        <Panel tab={shown} mail={mail} status={status} />
      </div>
    </article>
  );
}

function show(id: string, tab: Tab): void {
  location.hash = `#/mail/${id}/${tab}`;
}

/** Left and right, as in any list of tabs. */
function move(event: KeyboardEvent, id: string, from: Tab): void {
  const tabs = Object.keys(TABS) as Tab[];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const next = tabs[(tabs.indexOf(from) + step + tabs.length) % tabs.length] ?? from;
  event.preventDefault();
  show(id, next);
  document.getElementById(`tab-${next}`)?.focus();
}

function mark(id: string, isRead: boolean): Promise<unknown> {
  return ask(mailPath(id), { method: 'PATCH', body: JSON.stringify({ isRead }) });
}

function Actions({ mail }: { mail: MailDetail }): JSX.Element {
  const [said, setSaid] = useState('');
  useEffect(() => setSaid(''), [mail.id]);
  const act = (doing: string, success: string, action: () => Promise<unknown>): void => {
    setSaid(doing);
    action().then(
      () => setSaid(success),
      (error: Error) => setSaid(error.message),
    );
  };
  return (
    <p class="bar actions">
      <button
        type="button"
        onClick={() =>
          act('Replaying …', 'The notification is in the queue again.', () =>
            post(mailPath(mail.id, '/replay')),
          )
        }
      >
        Replay to the queue
      </button>
      <button
        type="button"
        onClick={() => act('', 'Marked as unread.', () => mark(mail.id, false))}
      >
        Mark as unread
      </button>
      <a class="button" href={mailPath(mail.id, '/raw?save')} download>
        Save
      </a>
      <button
        type="button"
        class="danger"
        onClick={() =>
          act('Deleting …', '', async () => {
            await ask(mailPath(mail.id), { method: 'DELETE' });
            location.hash = '#/';
          })
        }
      >
        Delete
      </button>
      <span role="status" class="facts">
        {said}
      </span>
    </p>
  );
}

function Panel({
  tab,
  mail,
  status,
}: {
  tab: Tab;
  mail: MailDetail;
  status: PageStatus | undefined;
}): JSX.Element {
  switch (tab) {
    case 'text':
      return mail.text === null ? (
        <p class="empty-view">This mail has no text part.</p>
      ) : (
        <LongText text={mail.text} label="Text of the mail" />
      );
    case 'html':
      return mail.hasHtml ? (
        <HtmlFrame mail={mail} />
      ) : (
        <p class="empty-view">This mail has no HTML part.</p>
      );
    case 'headers':
      return <Headers mail={mail} />;
    case 'parts':
      return <StructureView mail={mail} />;
    case 'raw':
      return <Raw mail={mail} />;
    case 'notification':
      return <NotificationView mail={mail} />;
    case 'object':
      return <Objects mail={mail} />;
    case 'dialogue':
      return <DialogueView sessionId={mail.sessionId} />;
    case 'verdicts':
      return <Verdicts mail={mail} />;
    case 'handler':
      return <MailHandlerView mail={mail} status={status} />;
  }
}

function Headers({ mail }: { mail: MailDetail }): JSX.Element {
  return (
    <dl class="fields">
      {mail.headers.map(({ name, value }, at) => (
        <div key={at}>
          <dt>{visible(name)}</dt>
          <dd>
            <Said text={value} fallback="empty" />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Raw({ mail }: { mail: MailDetail }): JSX.Element {
  const { value, error } = useLoaded(mail.id, () => askText(mailPath(mail.id, '/raw')));
  if (value === undefined && error === undefined) return <p class="loading">Loading …</p>;
  return <LongText text={error ?? value ?? ''} label="Raw message" />;
}

function Objects({ mail }: { mail: MailDetail }): JSX.Element {
  return (
    <>
      {mail.objects.map(({ bucket, key, sizeInOctets, metadata }) => (
        <dl class="fields" key={key}>
          <div>
            <dt>Address</dt>
            <dd>
              <code>
                s3://{bucket}/{key}
              </code>
            </dd>
          </div>
          <div>
            <dt>Size</dt>
            <dd>{size(sizeInOctets)}, trace headers included</dd>
          </div>
          {Object.entries(metadata).map(([name, value]) => (
            <div key={name}>
              <dt>{visible(name)}</dt>
              <dd>
                <code>{visible(value)}</code>
              </dd>
            </div>
          ))}
        </dl>
      ))}
    </>
  );
}

function Verdicts({ mail }: { mail: MailDetail }): JSX.Element {
  return (
    <dl class="fields">
      {mail.verdicts.map(({ name, status, why }) => (
        <div key={name}>
          <dt>{name.toUpperCase()}</dt>
          <dd>
            <span class={`badge ${status.toLowerCase()}`}>{status}</span> {visible(why)}
          </dd>
        </div>
      ))}
    </dl>
  );
}
