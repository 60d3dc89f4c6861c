// The events of the program as they come.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PageEvents } from '../shapes.ts';

type Listener = (name: keyof PageEvents | 'connected', data: unknown) => void;

const listeners = new Set<Listener>();
let isConnected = false;
const statusListeners = new Set<(isConnected: boolean) => void>();

/** Opens the one stream of the page; the browser opens it again when it breaks. */
export function connect(): void {
  const source = new EventSource('/api/events');
  const setConnected = (now: boolean): void => {
    isConnected = now;
    for (const listener of statusListeners) listener(now);
  };
  source.addEventListener('hello', () => {
    setConnected(true);
    // What came while the stream was broken is read anew.
    for (const listener of listeners) listener('connected', undefined);
  });
  source.addEventListener('error', () => setConnected(false));
  const names: (keyof PageEvents)[] = ['mails', 'removed', 'refusals', 'sessions', 'handler'];
  for (const name of names) {
    source.addEventListener(name, (event) => {
      const data: unknown = JSON.parse(String(event.data));
      for (const listener of listeners) listener(name, data);
    });
  }
}

/** Whether events come. */
export function isOpen(): boolean {
  return isConnected;
}

export function useConnected(): boolean {
  const [now, setNow] = useState(isConnected);
  useEffect(() => {
    statusListeners.add(setNow);
    return () => void statusListeners.delete(setNow);
  }, []);
  return now;
}

/** Calls the functions with the events of their names; `connected` when the stream opens. */
export function useEvents(
  handlers: { readonly [N in keyof PageEvents]?: (data: PageEvents[N]) => void } & {
    readonly connected?: () => void;
  },
): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    const listener: Listener = (name, data) =>
      (latest.current[name] as ((data: unknown) => void) | undefined)?.(data);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
}

/** Loads again whenever `key` changes, and when the returned function is called; the last answer is shown meanwhile. */
export function useLoaded<T>(
  key: string,
  load: () => Promise<T>,
): {
  readonly value: T | undefined;
  readonly error: string | undefined;
  readonly reload: () => void;
} {
  const [state, setState] = useState<{ key: string; value?: T; error?: string }>({ key });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    load().then(
      (value) => isCurrent && setState({ key, value }),
      (error: Error) => isCurrent && setState({ key, error: error.message }),
    );
    return () => {
      isCurrent = false;
    };
  }, [key, turn]);
  const own = state.key === key ? state : { key };
  return { value: own.value, error: own.error, reload: () => setTurn((now) => now + 1) };
}
