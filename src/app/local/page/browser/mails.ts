// The mails of the list, kept up to date by the events.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { MailSummary } from '../shapes.ts';
import { ask } from './api.ts';
import { isOpen, useEvents } from './live.ts';

export interface Mails {
  /** The last ones first. */
  readonly list: readonly MailSummary[];
  /** Of all mails, also those that the search does not find. */
  readonly total: number;
  readonly isLoading: boolean;
  readonly error: string | undefined;
}

interface Listed {
  readonly mails: MailSummary[];
  readonly total: number;
  readonly isComplete: boolean;
}

const MAX_LISTED = 10_000;
const SEARCH_PAUSE_MILLIS = 200;

export function useMails(search: string): Mails {
  const [state, setState] = useState<Mails>({
    list: [],
    total: 0,
    isLoading: true,
    error: undefined,
  });
  const words = search.trim();
  const asked = useRef(0);
  /** What came while an answer is on its way, which may not have it yet; `undefined` where none is. */
  const meanwhile = useRef<MailSummary[] | undefined>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const load = (): void => {
    clearTimeout(timer.current);
    const turn = ++asked.current;
    meanwhile.current = [];
    const query = new URLSearchParams({ limit: String(MAX_LISTED) });
    if (words !== '') query.set('search', words);
    ask<Listed>(`/api/mails?${query}`).then(
      ({ mails, total, isComplete }) => {
        if (turn !== asked.current) return;
        const answered = { list: mails, total, isLoading: !isComplete, error: undefined };
        setState(merge(answered, meanwhile.current ?? [], words === ''));
        meanwhile.current = undefined;
        // More is found when more texts were read.
        if (!isComplete) loadSoon();
      },
      (error: Error) => {
        if (turn !== asked.current) return;
        meanwhile.current = undefined;
        setState((now) => ({ ...now, isLoading: false, error: error.message }));
      },
    );
  };
  const loadSoon = (): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(load, SEARCH_PAUSE_MILLIS);
  };
  const isFirst = useRef(true);
  useEffect(() => {
    // An answer to other words that is still to come is of no use.
    asked.current++;
    if (!isFirst.current) loadSoon();
    // Otherwise the list is loaded when the stream opens, so that nothing between the two is missed.
    else if (isOpen()) load();
    isFirst.current = false;
  }, [words]);
  useEvents({
    connected: load,
    mails: (changed) => {
      // Whether a new mail is among the results the program knows.
      if (words !== '') loadSoon();
      meanwhile.current?.push(...changed);
      setState((now) => merge(now, changed, words === ''));
    },
    removed: (ids) => {
      // An answer that is on its way may still have them.
      if (meanwhile.current !== undefined) loadSoon();
      asked.current++;
      setState((now) => {
        if (ids === null) return { ...now, list: [], total: 0 };
        const gone = new Set(ids);
        return {
          ...now,
          list: now.list.filter(({ id }) => !gone.has(id)),
          total: Math.max(0, now.total - ids.length),
        };
      });
    },
  });
  return state;
}

function merge(now: Mails, changed: readonly MailSummary[], takesNew: boolean): Mails {
  const byId = new Map(changed.map((mail) => [mail.id, mail]));
  const list = now.list.map((mail) => {
    const newer = byId.get(mail.id);
    byId.delete(mail.id);
    return newer ?? mail;
  });
  if (!takesNew || byId.size === 0) return { ...now, list };
  const all = [...byId.values(), ...list].sort((a, b) => (a.id < b.id ? 1 : -1));
  return { ...now, list: all.slice(0, MAX_LISTED), total: now.total + byId.size };
}
