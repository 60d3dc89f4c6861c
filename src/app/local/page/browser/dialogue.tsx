import type { JSX } from 'preact';
import type { Dialogue, DialogueLine } from '../shapes.ts';
import { ask } from './api.ts';
import { visible, When } from './format.tsx';
import { useEvents, useLoaded } from './live.ts';

/** What client and server said, as it goes on. */
export function DialogueView({ sessionId }: { sessionId: string }): JSX.Element {
  const { value, error, reload } = useLoaded(sessionId, () =>
    ask<Dialogue>(`/api/sessions/${encodeURIComponent(sessionId)}`),
  );
  useEvents({ sessions: (ids) => ids.includes(sessionId) && reload() });
  if (error !== undefined) {
    return (
      <p class="empty-view">
        The dialogue is not kept: the last 1,000 sessions since the start of the program are.
      </p>
    );
  }
  if (value === undefined) return <p class="loading">Loading …</p>;
  const { lines, linesLeftOut, tls, username, closedAt } = value;
  return (
    <section class="dialogue" aria-label="SMTP dialogue">
      <p class="facts">
        {value.listener} · {value.clientAddress}:{value.clientPort} ·{' '}
        {tls === undefined ? 'in the clear' : tls} ·{' '}
        {username === undefined ? 'nobody signed in' : `signed in as ${username}`} ·{' '}
        {closedAt === undefined ? 'open' : 'closed'}
      </p>
      <ol>
        {lines.map((line, at) => (
          <Line key={at} line={line} />
        ))}
      </ol>
      {linesLeftOut > 0 && <p class="facts">{linesLeftOut} more lines were not kept.</p>}
      <p class="facts">
        <code>***</code> stands for what may be a password or a token. The page never has it.
      </p>
    </section>
  );
}

const WHO = { client: 'Client', server: 'Server', note: 'Note' } as const;
const MARK = { client: 'C:', server: 'S:', note: '' } as const;

function Line({ line: { at, from, text } }: { line: DialogueLine }): JSX.Element {
  return (
    <li class={from}>
      <When at={at} precise />
      <span class="who" aria-label={WHO[from]} role="img">
        {MARK[from]}
      </span>
      <bdi>{visible(text)}</bdi>
    </li>
  );
}
