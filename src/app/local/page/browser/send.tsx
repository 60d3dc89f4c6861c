import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { TEST_MAILS, type TestMailKind } from '../shapes.ts';
import { post } from './api.ts';

const ABOUT: Readonly<Record<TestMailKind, string>> = {
  plain: 'Plain text',
  html: 'Text and HTML',
  attachment: 'Two attachments',
  large: 'Large: 12 MiB',
  'signed-in': 'Signed in, over TLS',
};

/** Sends a mail by SMTP, as any client would. */
export function SendView(): JSX.Element {
  const [kind, setKind] = useState<TestMailKind>('plain');
  const [state, setState] = useState<{ text: string; messageId?: string; isFailed?: boolean }>();
  const send = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const fields = Object.fromEntries([...form].filter(([name]) => name !== 'kind'));
    setState({ text: 'Sending …' });
    post<{ reply: string; messageId?: string }>('/api/test-mails', {
      kind,
      ...fields,
    }).then(
      ({ reply, messageId }) => setState({ text: reply, ...(messageId && { messageId }) }),
      (error: Error) => setState({ text: error.message, isFailed: true }),
    );
  };
  return (
    <section class="wide" aria-labelledby="send-title">
      <h2 id="send-title">Send a test mail</h2>
      <form class="send" onSubmit={send}>
        <fieldset>
          <legend>What</legend>
          {TEST_MAILS.map((each) => (
            <label key={each}>
              <input
                type="radio"
                name="kind"
                value={each}
                checked={each === kind}
                onChange={() => setKind(each)}
              />{' '}
              {ABOUT[each]}
            </label>
          ))}
        </fieldset>
        <label>
          From
          <input name="from" value="you@example.com" required autocomplete="off" />
        </label>
        <label>
          To
          <input name="to" value="inbox@example.net" required autocomplete="off" />
        </label>
        <label>
          Subject
          <input name="subject" value="A test mail" maxLength={200} autocomplete="off" />
        </label>
        <p class="bar">
          <button type="submit" class="primary">
            Send
          </button>
        </p>
      </form>
      <p role="status" class={state?.isFailed === true ? 'problem' : 'facts'}>
        {state?.text}{' '}
        {state?.messageId !== undefined && <a href={`#/mail/${state.messageId}`}>Open it</a>}
      </p>
    </section>
  );
}
