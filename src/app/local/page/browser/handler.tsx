import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { HandlerResult, MailDetail, PageStatus } from '../shapes.ts';
import { ask, mailPath, post } from './api.ts';
import { visible, When } from './format.tsx';
import { useEvents, useLoaded } from './live.ts';

/** What the handler did with one mail, and a button to run it again. */
export function MailHandlerView({
  mail,
  status,
}: {
  mail: MailDetail;
  status: PageStatus | undefined;
}): JSX.Element {
  const [said, setSaid] = useState('');
  if (status?.handler === undefined) return <NoHandler />;
  const run = (): void => {
    setSaid('Put into the queue of the handler …');
    post(mailPath(mail.id, '/handle')).catch((error: Error) => setSaid(error.message));
  };
  return (
    <div class="handler">
      <p class="bar">
        <button type="button" onClick={run}>
          Run the handler again
        </button>
        <span role="status" class="facts">
          {said}
        </span>
      </p>
      {mail.results.length === 0 && (
        <p class="empty-view">The handler did not run for this mail yet.</p>
      )}
      {mail.results.map((result) => (
        <Result key={result.at} result={result} />
      ))}
    </div>
  );
}

/** All results, the last ones first. */
export function HandlerView({ status }: { status: PageStatus | undefined }): JSX.Element {
  const { value, reload } = useLoaded('handler', () =>
    ask<{ results: HandlerResult[] }>('/api/handler'),
  );
  useEvents({ handler: reload, connected: reload });
  return (
    <section class="wide handler" aria-labelledby="handler-title">
      <h2 id="handler-title">Handler</h2>
      {status !== undefined && status.handler === undefined && <NoHandler />}
      {status?.handler !== undefined && (
        <p class="facts">
          <code>{status.handler}</code>
        </p>
      )}
      {status?.handlerError !== undefined && (
        <p class="problem">It cannot be loaded: {visible(status.handlerError)}</p>
      )}
      {status?.handler !== undefined && value?.results.length === 0 && (
        <p class="empty-view">It did not run yet: it runs for each mail that arrives.</p>
      )}
      {value?.results.map((result) => (
        <Result key={`${result.messageId} ${result.at}`} result={result} withLink />
      ))}
    </section>
  );
}

function NoHandler(): JSX.Element {
  return (
    <p class="empty-view">
      No handler runs. Start the program with <code>--handler ./handler.ts</code>, and it calls your
      Lambda handler for each mail.
    </p>
  );
}

function Result({
  result,
  withLink = false,
}: {
  result: HandlerResult;
  withLink?: boolean;
}): JSX.Element {
  const { outcome, millis, attempt, attempts, isLast, messageId, error, log } = result;
  return (
    <article class="result">
      <p class="bar">
        <span class={`badge ${outcome}`}>{outcome}</span>
        <When at={result.at} />
        <span>{millis} ms</span>
        <span class="facts">
          attempt {attempt} of {attempts}
          {isLast && ', then to the dead-letter queue'}
        </span>
        {withLink && messageId !== undefined && (
          <a href={`#/mail/${messageId}/handler`}>the mail</a>
        )}
      </p>
      {error !== undefined && <p class="problem">{visible(`${error.name}: ${error.message}`)}</p>}
      {error === undefined && (
        <pre class="json" tabIndex={0} role="region" aria-label="Result">
          {visible(JSON.stringify(result.result ?? null, undefined, 2))}
        </pre>
      )}
      <h4>Log</h4>
      {log === '' ? (
        <p class="empty">It printed nothing.</p>
      ) : (
        <pre class="text" tabIndex={0} role="region" aria-label="Log">
          {visible(log)}
        </pre>
      )}
    </article>
  );
}
