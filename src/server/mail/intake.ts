// Who takes the mails of a server without `openMessage`: its mail hooks, and the caller's loop.
import type { MessageFacts, OpenMessageAnswer } from '../../smtp/index.ts';
import { NoMailHookError } from '../errors.ts';
import type { Hooks, Now } from '../hooks.ts';
import type { SessionScope } from '../session-scope.ts';
import { HookWriter } from './hook-writer.ts';
import { MailLoop } from './loop.ts';
import { MailTakers } from './takers.ts';

export class MailIntake {
  readonly loop = new MailLoop(() => this.takers.arrived());
  readonly takers: MailTakers;
  readonly #hooks: Hooks;
  readonly #answerTimeoutSeconds: (listener: string) => number;

  /** `isTaken`: somebody else takes the mails. `answerTimeoutSeconds` is that of a listener. */
  constructor(hooks: Hooks, isTaken: boolean, answerTimeoutSeconds: (listener: string) => number) {
    this.#hooks = hooks;
    this.#answerTimeoutSeconds = answerTimeoutSeconds;
    this.takers = new MailTakers(() => isTaken || hooks.onMail.length > 0 || this.loop.isRunning);
  }

  /** For the hooks, and for the loop if one runs or nothing else takes the mail. */
  open(facts: MessageFacts, resume: () => void, scope: SessionScope): Now<OpenMessageAnswer> {
    const answerTimeoutSeconds = this.#answerTimeoutSeconds(scope.session.listener);
    const open = (isTaken: boolean): OpenMessageAnswer => {
      if (!isTaken) {
        throw new NoMailHookError('expected a loop that goes on, got one that was left');
      }
      const { onMail: hooks } = this.#hooks;
      const loop = hooks.length === 0 || this.loop.isRunning ? this.loop : undefined;
      const consumers = { scope, hooks, loop, answerTimeoutSeconds };
      return { kind: 'accept', writer: new HookWriter(facts, resume, consumers) };
    };
    const isTaken = this.takers.has(answerTimeoutSeconds);
    return isTaken === true ? open(true) : Promise.resolve(isTaken).then(open);
  }
}
