// Runs an attacker as a separate program, so that it shares no event loop with what the victims measure.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Attacker = 'hold-messages' | 'fill-connections' | 'crowd-health' | 'heavy-mail';

export class Attack implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** Messages or connections that the attacker has under way, by its last line. */
  held = 0;
  /** How many of them ended before the attacker wanted it. */
  ended = 0;
  /** How many the server has not answered yet. */
  waiting = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Settles when the attacker has what it wants, or when it has tried for `seconds`. */
  static async start(
    attacker: Attacker,
    options: Readonly<Record<string, number>>,
    wanted: number,
    seconds = 20,
  ): Promise<Attack> {
    const file = fileURLToPath(new URL(`attackers/${attacker}.ts`, import.meta.url));
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const child = spawn(process.execPath, [file, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const attack = new Attack(child);
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    const ready = Promise.withResolvers<void>();
    const timer = setTimeout(ready.resolve, seconds * 1000);
    lines.on('line', (line) => {
      const [held, ended, waiting] = line.split(' ').map(Number);
      attack.held = held ?? 0;
      attack.ended = ended ?? 0;
      attack.waiting = waiting ?? 0;
      if (attack.held >= wanted) ready.resolve();
    });
    child.once('exit', () => ready.reject(new Error(`${attacker} ended`)));
    await ready.promise.finally(() => clearTimeout(timer));
    return attack;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
