import type { JSX } from 'preact';
import type { SessionSummary, ShownRefusal } from '../shapes.ts';
import { ask } from './api.ts';
import { DialogueView } from './dialogue.tsx';
import { Said, visible, When } from './format.tsx';
import { useEvents, useLoaded } from './live.ts';

/** Sessions in progress and those that were, with the dialogue of one. */
export function SessionsView({ id }: { id: string | undefined }): JSX.Element {
  const { value, reload } = useLoaded('sessions', () =>
    ask<{ sessions: SessionSummary[] }>('/api/sessions'),
  );
  useEvents({ sessions: reload, connected: reload });
  const sessions = value?.sessions ?? [];
  return (
    <section
      class={`split ${id === undefined ? '' : 'with-detail'}`}
      aria-labelledby="sessions-title"
    >
      <div class="side">
        <h2 id="sessions-title">Sessions</h2>
        {value !== undefined && sessions.length === 0 && (
          <p class="empty-view">No client has connected since the program started.</p>
        )}
        <ul class="session-list">
          {sessions.slice(0, 300).map((session) => (
            <li key={session.id}>
              <a
                href={`#/sessions/${session.id}`}
                aria-current={session.id === id ? 'true' : undefined}
              >
                <span class={`badge ${session.closedAt === undefined ? 'open' : ''}`}>
                  {session.closedAt === undefined ? 'open' : 'closed'}
                </span>{' '}
                <When at={session.openedAt} />
                <span class="session-client">
                  <Said text={session.clientDomain ?? session.clientAddress} /> to{' '}
                  {session.listener}
                </span>
                <span class="facts">
                  {session.mails.length === 1 ? '1 mail' : `${session.mails.length} mails`}
                  {session.refusals > 0 && `, ${session.refusals} refused`}
                </span>
              </a>
            </li>
          ))}
        </ul>
      </div>
      <div class="detail">
        {id === undefined ? (
          <p class="empty-view">Choose a session to see its dialogue.</p>
        ) : (
          <>
            <a class="back" href="#/sessions">
              ← All sessions
            </a>
            <DialogueView sessionId={id} />
          </>
        )}
      </div>
    </section>
  );
}

/** Mails, recipients and commands that were refused, with the rule. */
export function RefusalsView(): JSX.Element {
  const { value, reload } = useLoaded('refusals', () =>
    ask<{ refusals: ShownRefusal[] }>('/api/refusals'),
  );
  useEvents({ refusals: reload, connected: reload });
  const refusals = value?.refusals ?? [];
  return (
    <section class="wide" aria-labelledby="refused-title">
      <h2 id="refused-title">Refused</h2>
      {value !== undefined && refusals.length === 0 && (
        <p class="empty-view">Nothing was refused since the program started.</p>
      )}
      <ul class="refusals">
        {refusals.slice(0, 300).map((refusal) => (
          <li key={refusal.id}>
            <p class="bar">
              <span class="badge failed">{refusal.code ?? 'closed'}</span>
              <When at={refusal.at} />
              <strong>{refusal.rule}</strong>
              <span>
                {refusal.what === 'message' ? 'the message' : refusal.what} on {refusal.listener}
              </span>
              <span class="facts">
                from {visible(refusal.clientDomain ?? refusal.clientAddress)}
              </span>
              {refusal.sessionId !== undefined && (
                <a href={`#/sessions/${refusal.sessionId}`}>its dialogue</a>
              )}
            </p>
            {refusal.argument !== undefined && (
              <p>
                <code>
                  <bdi>{visible(`${refusal.what} ${refusal.argument}`)}</bdi>
                </code>
              </p>
            )}
            {refusal.reply !== undefined && (
              <p>
                <code>{visible(refusal.reply)}</code>
              </p>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
