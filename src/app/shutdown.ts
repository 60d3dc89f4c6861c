import type { App } from './start.ts';

/**
 * Waits for SIGTERM or SIGINT and takes the app down: `grace` seconds of normal service, then 421 at idle points
 * and to silent clients; at the deadline, or at a second signal, every session that is left gets 421 and is cut.
 * Resolves to the exit code: 0 when nothing was cut.
 */
export function shutDownOnSignal(
  app: App,
  { grace, deadline }: { readonly grace: number; readonly deadline: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    let isClosing = false;
    const hurry = new AbortController();
    const onSignal = (): void => {
      if (isClosing) {
        hurry.abort();
        return;
      }
      isClosing = true;
      app
        .close({ graceSeconds: grace, deadlineSeconds: deadline, hurry: hurry.signal })
        .then(({ cut }) => resolve(cut === 0 ? 0 : 1))
        .catch(reject)
        .finally(() => {
          process.off('SIGTERM', onSignal);
          process.off('SIGINT', onSignal);
        });
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
