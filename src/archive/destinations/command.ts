import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReceivedNotification } from '../../bridge/index.ts';
import { type Destination, MailRefusedError } from './destination.ts';

export interface CommandOptions {
  /** What the command reads: the mail as it is stored, or the JSON of its notification. Default `mail`. */
  readonly input?: 'mail' | 'notification';
}

/**
 * Runs a shell command for each mail. Its standard input is the mail; its environment tells messageId, key and
 * envelope; what it prints goes to our standard error. Any exit code but 0 counts as failed.
 */
export function commandDestination(
  command: string,
  { input = 'mail' }: CommandOptions = {},
): Destination {
  return {
    name: `command ${command} < ${input}`,
    deliver: async ({ key, messageId, notification, open }) => {
      const { mail, receipt } = JSON.parse(notification.message) as ReceivedNotification;
      const source = input === 'mail' ? await open() : Readable.from([notification.message]);
      const child = startShell(command, {
        MAILSLUICE_MESSAGE_ID: messageId,
        MAILSLUICE_OBJECT_KEY: key,
        MAILSLUICE_REVERSE_PATH: mail.source,
        // The first of them: an environment has bounds, and the notification has all.
        MAILSLUICE_RECIPIENT: receipt.recipients[0] ?? '',
      });
      const { stdin } = child;
      if (stdin === null) throw new Error('a child process without standard input');
      const exit = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
      // Awaited below, unless the mail cannot be read.
      exit.catch(() => undefined);
      await pipeline(source, stdin).catch((error: unknown) => {
        // A command need not read all, or anything.
        if (UNREAD.has(codeOf(error))) return;
        child.kill();
        throw error;
      });
      const [code, signal] = await exit.catch((error: unknown) => {
        throw asRefusal(error);
      });
      if (code !== 0) {
        throw new MailRefusedError(
          code === null ? `the command was ended by ${signal}` : `the command exited with ${code}`,
        );
      }
    },
  };
}

const UNREAD: ReadonlySet<string> = new Set(['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);
/** The system does not take the environment of this mail: it is too large, or has a NUL. */
const BAD_ENVIRONMENT: ReadonlySet<string> = new Set(['E2BIG', 'ERR_INVALID_ARG_VALUE']);

function startShell(command: string, variables: Readonly<Record<string, string>>) {
  try {
    return spawn('/bin/sh', ['-c', command], {
      stdio: ['pipe', 2, 2],
      // In another process group: Ctrl-C is for this program, and the mail in progress is finished.
      detached: true,
      env: { ...process.env, ...variables },
    });
  } catch (error) {
    throw asRefusal(error);
  }
}

function asRefusal(error: unknown): unknown {
  const code = codeOf(error);
  if (!BAD_ENVIRONMENT.has(code)) return error;
  return new MailRefusedError(`the command could not be started: ${code}`, { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
