import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { MailDetail } from '../shapes.ts';
import { askText, mailPath } from './api.ts';
import { cleanHtml } from './clean-html.ts';
import { useLoaded } from './live.ts';

/** The HTML of the mail in a frame in which no script runs. */
export function HtmlFrame({ mail }: { mail: MailDetail }): JSX.Element {
  const [withRemote, setWithRemote] = useState(false);
  const { value: html, error } = useLoaded(mail.id, () => askText(mailPath(mail.id, '/html')));
  const frame = useRef<HTMLIFrameElement>(null);

  const fill = (): void => {
    const inner = frame.current?.contentWindow as (Window & typeof globalThis) | null | undefined;
    if (inner === null || inner === undefined || html === undefined) return;
    // By the frame's parser, so that the frame's policy decides, and not that of the page.
    const parsed = new inner.DOMParser().parseFromString(html, 'text/html');
    cleanHtml(parsed, {
      withRemote,
      partOf: (contentId) => {
        const part = mail.attachments.find((each) => each.contentId === contentId);
        return part && mailPath(mail.id, `/parts/${encodeURIComponent(part.number)}`);
      },
    });
    const shown = inner.document;
    shown.replaceChild(shown.adoptNode(parsed.documentElement), shown.documentElement);
  };
  if (error !== undefined) return <p class="problem">{error}</p>;
  if (html === undefined) return <p class="loading">Loading …</p>;
  return (
    <div class="html-view">
      <p class="bar">
        <label>
          <input
            type="checkbox"
            checked={withRemote}
            onChange={(event) => setWithRemote(event.currentTarget.checked)}
          />{' '}
          Load images and styles from other hosts, which tells their owners that the mail was opened
        </label>
      </p>
      <iframe
        key={`${mail.id} ${withRemote}`}
        ref={frame}
        title="HTML of the mail"
        src={withRemote ? '/frame?remote' : '/frame'}
        sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
        referrerpolicy="no-referrer"
        onLoad={fill}
      />
    </div>
  );
}
