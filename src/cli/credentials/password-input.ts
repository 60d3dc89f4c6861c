// Passwords come from standard input or from a prompt without echo, and never from the command line, where
// every user of the machine could read them.
import type { Command } from 'commander';
import { checkPassword, type SecretSource } from '../../credentials/index.ts';
import { OperatorError, UsageError } from '../../app/operator-error.ts';
import type { CliContext } from '../frame/context.ts';

export interface PasswordOptions {
  readonly passwordStdin?: true;
  readonly askPassword?: true;
}

/** Adds `--ask-password` and `--password-stdin`; with neither, a secret is generated. */
export function withPasswordOptions(command: Command): Command {
  return command
    .option('--ask-password', 'ask for a password instead of generating one')
    .option('--password-stdin', 'read a password from standard input instead of generating one');
}

export async function readSecretSource(
  context: CliContext,
  { passwordStdin, askPassword }: PasswordOptions,
): Promise<SecretSource> {
  if (passwordStdin && askPassword) {
    throw new UsageError('expected --ask-password or --password-stdin, got both');
  }
  if (!passwordStdin && !askPassword) return { kind: 'generated' };
  const password = passwordStdin ? await readPassword(context) : await askTwice(context);
  const wrong = checkPassword(password);
  if (wrong !== undefined) throw new UsageError(wrong);
  return { kind: 'password', password };
}

/** More than any password may have. */
const MAX_INPUT_OCTETS = 8192;

/** All of standard input but the newline at its end. */
export async function readPassword({ stdin }: Pick<CliContext, 'stdin'>): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > MAX_INPUT_OCTETS) throw new UsageError('the password is too long');
  }
  return text.replace(/\r?\n$/, '');
}

async function askTwice(context: CliContext): Promise<string> {
  if (!context.stdin.isTTY) {
    throw new UsageError('--ask-password needs a terminal; use --password-stdin');
  }
  try {
    const password = await ask(context, 'Password: ');
    if ((await ask(context, 'Again: ')) !== password) {
      throw new OperatorError('the two passwords differ');
    }
    return password;
  } finally {
    // A terminal that is still read keeps the process from its end.
    context.stdin.pause();
  }
}

const [CTRL_C, CTRL_D, CTRL_U] = ['\u0003', '\u0004', '\u0015'];

/** One line from the terminal, which shows nothing of it. */
async function ask({ stdin, stderr }: CliContext, prompt: string): Promise<string> {
  // Before the prompt: what is typed at once must not be shown either.
  stdin.setRawMode?.(true);
  stderr.write(prompt);
  try {
    let typed: string[] = [];
    for await (const key of keysOf(stdin)) {
      if (key === '\r' || key === '\n') return typed.join('');
      if (key === CTRL_C || key === CTRL_D) break;
      if (key === '\u007f' || key === '\b') typed = typed.slice(0, -1);
      else if (key === CTRL_U) typed = [];
      else if (typed.length < MAX_INPUT_OCTETS) typed.push(key);
    }
  } finally {
    stdin.setRawMode?.(false);
    stderr.write('\n');
  }
  throw new OperatorError('canceled');
}

/** What is typed after the line that was asked for stays in the stream for the next question. */
async function* keysOf(stdin: NodeJS.ReadableStream): AsyncGenerator<string> {
  for (;;) {
    const chunk: string | Buffer | null = stdin.read();
    if (chunk === null) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          stdin.off('readable', wake).off('end', wake);
          resolve();
        };
        stdin.on('readable', wake).on('end', wake);
      });
      if ('readableEnded' in stdin && stdin.readableEnded === true) return;
      continue;
    }
    const keys = Array.from(chunk.toString());
    for (const [at, key] of keys.entries()) {
      if (key === '\r' || key === '\n') {
        const rest = keys.slice(at + 1).join('');
        if (rest !== '') stdin.unshift(rest);
      }
      yield key;
    }
  }
}
