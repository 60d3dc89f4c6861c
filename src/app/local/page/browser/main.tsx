// The page: its header, its views, and the keyboard. It is shown by the address behind the `#`.
import { type JSX, render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PageStatus } from '../shapes.ts';
import { ask } from './api.ts';
import { HandlerView } from './handler.tsx';
import { connect, useConnected, useEvents, useLoaded } from './live.ts';
import { MailList } from './mail-list.tsx';
import { MailView } from './mail-view.tsx';
import { useMails } from './mails.ts';
import { SendView } from './send.tsx';
import { RefusalsView, SessionsView } from './sessions.tsx';

/** The segments of the address: `#/mail/<id>/<tab>`. */
function useRoute(): readonly string[] {
  const read = (): string[] => location.hash.replace(/^#\/?/, '').split('/').filter(Boolean);
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const change = (): void => setRoute(read());
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return route;
}

function App(): JSX.Element {
  const [view = 'mail', id, tab] = useRoute();
  const { value: status, reload } = useLoaded('status', () => ask<PageStatus>('/api/status'));
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const reloadSoon = (): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(reload, 300);
  };
  useEvents({
    connected: reload,
    mails: reloadSoon,
    removed: reloadSoon,
    sessions: reloadSoon,
    handler: reloadSoon,
  });
  const isConnected = useConnected();
  const unread = status?.unread ?? 0;
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Mailsluice` : 'Mailsluice';
  }, [unread]);
  const link = (name: string, text: string): JSX.Element => (
    <a href={`#/${name === 'mail' ? '' : name}`} aria-current={view === name ? 'page' : undefined}>
      {text}
    </a>
  );
  return (
    <>
      <header>
        <h1>Mailsluice</h1>
        <nav aria-label="Views">
          {link('mail', unread > 0 ? `Mail (${unread})` : 'Mail')}
          {link(
            'sessions',
            `Sessions${status?.openSessions ? ` (${status.openSessions} open)` : ''}`,
          )}
          {link('refused', 'Refused')}
          {link('handler', 'Handler')}
          {link('send', 'Send')}
        </nav>
        <span role="status" class={`connection ${isConnected ? 'live' : 'lost'}`}>
          {isConnected ? 'live' : 'not connected'}
        </span>
      </header>
      <main>
        {view === 'sessions' && <SessionsView id={id} />}
        {view === 'refused' && <RefusalsView />}
        {view === 'handler' && <HandlerView status={status} />}
        {view === 'send' && <SendView />}
        {view === 'mail' && <MailPage id={id} tab={tab} status={status} />}
      </main>
    </>
  );
}

interface MailPageProps {
  readonly id: string | undefined;
  readonly tab: string | undefined;
  readonly status: PageStatus | undefined;
}

function MailPage({ id, tab, status }: MailPageProps): JSX.Element {
  const [search, setSearch] = useState('');
  const { list, total, isLoading, error } = useMails(search);
  const [cursor, setCursor] = useState<string>();
  const [isClearing, setClearing] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const current = list.some((mail) => mail.id === cursor) ? cursor : id;
  const open = (opened: string): void => {
    setCursor(opened);
    const kept = id === undefined || tab === undefined ? '' : `/${tab}`;
    location.hash = `#/mail/${opened}${kept}`;
  };

  // Keys may come faster than the page is drawn.
  const latest = useRef({ list, id, current, open });
  latest.current = { list, id, current, open };
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const now = latest.current;
      const { target } = event;
      const isField =
        target instanceof Element && target.closest('input, textarea, select') !== null;
      if (isField) {
        if (event.key === 'Escape') (target as HTMLElement).blur();
        return;
      }
      const at = now.list.findIndex((mail) => mail.id === now.current);
      const step = { j: 1, k: -1 }[event.key];
      if (step !== undefined) {
        const next = now.list[Math.max(0, Math.min(now.list.length - 1, at + step))];
        if (next === undefined) return;
        event.preventDefault();
        now.current = next.id;
        if (now.id === undefined) setCursor(next.id);
        else now.open(next.id);
      } else if (event.key === 'Enter' && now.current !== undefined) {
        // Enter on a button or a link is theirs.
        if (target instanceof Element && target.closest('button, a') !== null) return;
        event.preventDefault();
        now.open(now.current);
      } else if (event.key === '/') {
        event.preventDefault();
        field.current?.focus();
        field.current?.select();
      } else if (event.key === 'Escape' && now.id !== undefined) location.hash = '#/';
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);

  const clear = (): void => {
    setClearing(false);
    void ask('/api/mails', { method: 'DELETE' }).then(() => {
      location.hash = '#/';
    });
  };
  return (
    <section class={`split ${id === undefined ? '' : 'with-detail'}`} aria-label="Mail">
      <div class="side">
        <div class="tools">
          <label class="search">
            <span class="visually-hidden">Search subject, addresses and text</span>
            <input
              ref={field}
              type="search"
              placeholder="Search subject, addresses, text ( / )"
              value={search}
              onInput={(event) => setSearch(event.currentTarget.value)}
            />
          </label>
          <p class="bar count">
            <span role="status">
              {search.trim() === ''
                ? counted(total)
                : `${list.length} of ${counted(total)}${isLoading ? ', searching …' : ''}`}
            </span>
            {isClearing ? (
              <span class="confirm">
                <button type="button" class="danger" onClick={clear}>
                  Delete all {total}
                </button>
                <button type="button" onClick={() => setClearing(false)}>
                  Keep
                </button>
              </span>
            ) : (
              <button type="button" disabled={total === 0} onClick={() => setClearing(true)}>
                Clear
              </button>
            )}
          </p>
        </div>
        {error !== undefined && <p class="problem">{error}</p>}
        <MailList
          mails={list}
          current={current}
          opened={id}
          onOpen={open}
          empty={<Empty isLoading={isLoading} search={search.trim()} status={status} />}
        />
        <p class="keys">
          <kbd>j</kbd> <kbd>k</kbd> move · <kbd>Enter</kbd> open · <kbd>/</kbd> search ·{' '}
          <kbd>Esc</kbd> back
        </p>
      </div>
      <div class="detail">
        {id === undefined ? (
          <p class="empty-view">Choose a mail to see what was stored and announced.</p>
        ) : (
          <MailView key={id} id={id} tab={tab} status={status} />
        )}
      </div>
    </section>
  );
}

function counted(mails: number): string {
  return mails === 1 ? '1 mail' : `${mails} mails`;
}

interface EmptyProps {
  readonly isLoading: boolean;
  readonly search: string;
  readonly status: PageStatus | undefined;
}

function Empty({ isLoading, search, status }: EmptyProps): JSX.Element {
  if (isLoading) return <p class="loading">Loading …</p>;
  if (search !== '') return <p class="empty-view">No mail has all of these words.</p>;
  return (
    <div class="empty-view">
      <p>No mail yet.</p>
      <p>
        Send one to{' '}
        {status?.listeners.map(({ name, host, port }, at) => (
          <span key={name}>
            {at > 0 && ', '}
            <code>
              {host}:{port}
            </code>{' '}
            ({name})
          </span>
        ))}
        , or <a href="#/send">let the page send one</a>.
      </p>
    </div>
  );
}

connect();
const root = document.getElementById('page');
if (root !== null) render(<App />, root);
