// The writer of a server without `openMessage`: passes the octets of the message on, as they arrive, to the mail hooks and to the
// caller's loop, and commits with the reply that they agree on.
import type { Answer, DiscardCause, MessageFacts, MessageWriter, Reply } from '../../smtp/index.ts';
import { toMailAnswer } from '../ask-hooks.ts';
import { MailContext } from '../context.ts';
import { MailGoneError } from '../errors.ts';
import { failureOf, type Hooks, type MailHook } from '../hooks.ts';
import { refusalOf } from '../refusal.ts';
import { queuedAs } from '../replies.ts';
import type { SessionScope } from '../session-scope.ts';
import { MailContent } from './content.ts';
import type { MailLoop } from './loop.ts';
import { LoopMail, Mail } from './mail.ts';

type Replies = Reply | readonly Reply[];

export class HookWriter implements MessageWriter {
  readonly #facts: MessageFacts;
  readonly #content: MailContent;
  readonly #answerTimeoutSeconds: number;
  readonly #mails: readonly Mail[];
  readonly #answers: Answer[] = [];
  readonly #verdict = Promise.withResolvers<Replies>();
  readonly #withdraw: (() => void) | undefined;
  /** What a hook failed with before the end of the message. */
  #failure: { readonly error: unknown } | undefined;

  /** Calls every hook at once: each may read while the message comes. */
  constructor(
    facts: MessageFacts,
    resume: () => void,
    consumers: {
      readonly scope: SessionScope;
      readonly hooks: Hooks['onMail'];
      readonly loop: MailLoop | undefined;
      readonly answerTimeoutSeconds: number;
    },
  ) {
    this.#facts = facts;
    this.#content = new MailContent(resume);
    this.#answerTimeoutSeconds = consumers.answerTimeoutSeconds;
    // A message that is discarded is never committed: a verdict that nobody awaits must not end the process.
    this.#verdict.promise.catch(() => {});
    const { scope, hooks, loop } = consumers;
    const { session } = scope;
    // All readers are there before the first of them can move on.
    const hooked = hooks.map((hook) => ({ hook, mail: new Mail(facts, session, this.#content) }));
    const looped = loop && new LoopMail(facts, scope, this.#content);
    this.#mails = [...hooked.map(({ mail }) => mail), ...(looped ? [looped] : [])];
    for (const { hook, mail } of hooked) {
      void this.#hear(mail, callSafely(hook, new MailContext<unknown>(scope, mail)), hook);
    }
    if (!looped) return;
    void this.#hear(looped, looped.decision);
    this.#withdraw = () => loop.withdraw(looped);
    loop.offer(looped);
  }

  write(span: Buffer): boolean {
    return this.#content.write(span);
  }

  async commit(): Promise<Replies> {
    this.#content.end();
    this.#failure = undefined;
    const timer = setTimeout(() => {
      const why = `expected an answer within ${this.#answerTimeoutSeconds} s, got none`;
      this.#verdict.reject(this.#abandon(why));
    }, this.#answerTimeoutSeconds * 1000);
    try {
      return await this.#verdict.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  discard(cause: DiscardCause): void {
    this.#withdraw?.();
    this.#abandon(`the message was discarded: ${cause}`);
    // Nobody commits any more, which would report it.
    if (this.#failure) throw this.#failure.error;
  }

  /** The first refusal or failure is the verdict; otherwise it waits for the last hook to agree. */
  async #hear(mail: Mail, said: Promise<unknown>, hook?: MailHook<unknown>): Promise<void> {
    try {
      const { recipients } = this.#facts.envelope;
      const answer = toMailAnswer(await said.catch(refusedWith), 'onMail', recipients);
      mail.finish();
      this.#answers.push(answer);
      const isRefused = isRefusal(answer);
      if (isRefused) this.#abandon('another hook refused it', mail);
      if (isRefused || this.#answers.length === this.#mails.length) {
        this.#verdict.resolve(this.#combine());
      }
    } catch (thrown) {
      const error = failureOf(hook, thrown);
      mail.finish();
      if (!mail.isGone) this.#failure ??= { error };
      this.#abandon('another hook failed', mail);
      this.#verdict.reject(error);
    }
  }

  /** Tells every hook but `except` that the mail will not be accepted. */
  #abandon(why: string, except?: Mail): MailGoneError {
    const error = new MailGoneError(`mail ${this.#facts.messageId} is gone: ${why}`);
    for (const mail of this.#mails) if (mail !== except) mail.abandon(error);
    this.#content.abort(error);
    return error;
  }

  /** All must agree. With one reply for each recipient (LMTP), about each recipient. */
  #combine(): Replies {
    const answers = this.#answers;
    const ok = queuedAs(this.#facts.messageId);
    const combined = (index: number): Reply => {
      const replies = answers.flatMap((answer) => replyFor(answer, index) ?? []);
      return replies.find((reply) => reply.code >= 400) ?? replies[0] ?? ok;
    };
    if (answers.every(({ kind }) => kind !== 'each')) return combined(0);
    const all = this.#facts.envelope.recipients.map((_, index) => combined(index));
    if (this.#facts.session.protocol === 'LMTP') return all;
    return all.find((reply) => reply.code >= 400) ?? all[0] ?? ok;
  }
}

/** Whatever the hook throws is a rejection. */
async function callSafely(
  hook: MailHook<unknown>,
  context: MailContext<unknown>,
): Promise<unknown> {
  return hook(context);
}

/** A `Refusal` that was thrown is its reply. */
function refusedWith(thrown: unknown): Reply {
  const reply = refusalOf(thrown);
  if (reply === undefined) throw thrown;
  return reply;
}

/** Whether the whole mail was refused. */
function isRefusal(answer: Answer): boolean {
  if (answer.kind === 'each') return answer.replies.every((reply) => reply.code >= 400);
  return answer.kind === 'refuse';
}

function replyFor(answer: Answer, index: number): Reply | undefined {
  return answer.kind === 'each' ? answer.replies[index] : answer.reply;
}
