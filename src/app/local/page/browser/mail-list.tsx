// The list of mails: only the rows that are seen are in the document.
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { MailSummary } from '../shapes.ts';
import { Said, When } from './format.tsx';

/** As in page.css. */
const ROW_PIXELS = 76;
/** Rows beyond both edges. */
const MORE_ROWS = 6;

export interface MailListProps {
  readonly mails: readonly MailSummary[];
  /** The mail at the cursor. */
  readonly current: string | undefined;
  readonly opened: string | undefined;
  readonly onOpen: (id: string) => void;
  readonly empty: JSX.Element;
}

export function MailList({ mails, current, opened, onOpen, empty }: MailListProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);
  // The row at the cursor comes into view.
  useEffect(() => {
    const element = box.current;
    const at = mails.findIndex(({ id }) => id === current);
    if (element === null || at === -1) return;
    const top = at * ROW_PIXELS;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW_PIXELS > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + ROW_PIXELS - element.clientHeight;
    }
  }, [current]);

  const first = Math.max(0, Math.floor(view.top / ROW_PIXELS) - MORE_ROWS);
  const last = Math.min(mails.length, Math.ceil((view.top + view.height) / ROW_PIXELS) + MORE_ROWS);
  const shown = mails.slice(first, last);
  const isShown = shown.some(({ id }) => id === current);
  return (
    <div
      class="mail-list"
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-label="Mails"
      aria-activedescendant={isShown ? `mail-${current}` : undefined}
    >
      <div
        role="presentation"
        class="mail-rows"
        style={{ height: `${mails.length * ROW_PIXELS}px` }}
      >
        {shown.map((mail, at) => (
          <Row
            key={mail.id}
            mail={mail}
            at={first + at}
            count={mails.length}
            isCurrent={mail.id === current}
            isOpened={mail.id === opened}
            onOpen={onOpen}
          />
        ))}
      </div>
      {mails.length === 0 && empty}
    </div>
  );
}

interface RowProps {
  readonly mail: MailSummary;
  readonly at: number;
  readonly count: number;
  readonly isCurrent: boolean;
  readonly isOpened: boolean;
  readonly onOpen: (id: string) => void;
}

function Row({ mail, at, count, isCurrent, isOpened, onOpen }: RowProps): JSX.Element {
  const classes = [
    'mail-row',
    !mail.isRead && 'unread',
    isCurrent && 'current',
    isOpened && 'opened',
  ];
  return (
    // The keyboard is that of the whole page: j, k and Enter.
    <div
      id={`mail-${mail.id}`}
      class={classes.filter(Boolean).join(' ')}
      role="option"
      aria-selected={isOpened}
      aria-setsize={count}
      aria-posinset={at + 1}
      style={{ top: `${at * ROW_PIXELS}px` }}
      onClick={() => onOpen(mail.id)}
    >
      <span class="mail-from">
        {!mail.isRead && <span class="visually-hidden">unread, </span>}
        <Said text={mail.from || mail.source} fallback="no sender" />
      </span>
      <When at={mail.receivedAt} />
      <span class="mail-subject">
        <Said text={mail.subject} fallback="no subject" />
      </span>
      <span class="mail-to">
        to <Said text={mail.recipients.join(', ')} />
      </span>
      {mail.handler !== undefined && (
        <span class={`badge ${mail.handler}`} title={`handler: ${mail.handler}`}>
          {mail.handler}
        </span>
      )}
      {mail.replays > 0 && <span class="badge">replayed</span>}
    </div>
  );
}
