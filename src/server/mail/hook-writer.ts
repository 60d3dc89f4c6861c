// Where the octets of a message become a mail: the writer that serves the mail hooks and the loop.
import type { DiscardCause, MessageFacts, MessageWriter, Reply } from '../../smtp/index.ts';
import { MailGoneError } from '../errors.ts';
import type { MailHook, MailHookAnswer, Now } from '../hooks.ts';
import { isPromise } from '../hooks.ts';
import { LoopMail, Mail } from './mail.ts';
import { MailContent } from './content.ts';
import type { MailLoop } from './loop.ts';
import { queuedAs } from '../replies.ts';

type Replies = Reply | readonly Reply[];

export class HookWriter implements MessageWriter {
  readonly #facts: MessageFacts;
  readonly #content: MailContent;
  readonly #answerTimeoutSeconds: number;
  readonly #mails: readonly Mail[];
  readonly #said: MailHookAnswer[] = [];
  readonly #verdict = Promise.withResolvers<Replies>();
  readonly #withdraw: (() => void) | undefined;

  /** Calls every hook at once: each may read while the message comes. */
  constructor(
    facts: MessageFacts,
    drained: () => void,
    consumers: {
      readonly hooks: readonly MailHook[];
      readonly loop: MailLoop | undefined;
      readonly answerTimeoutSeconds: number;
    },
  ) {
    this.#facts = facts;
    this.#content = new MailContent(drained);
    this.#answerTimeoutSeconds = consumers.answerTimeoutSeconds;
    // A message that never comes to its commit must not end the process by a verdict that nobody awaits.
    this.#verdict.promise.catch(() => {});
    const { hooks, loop } = consumers;
    // All readers are there before the first of them can move on.
    const hooked = hooks.map((hook) => ({ hook, mail: new Mail(facts, this.#content) }));
    const looped = loop && new LoopMail(facts, this.#content);
    this.#mails = [...hooked.map(({ mail }) => mail), ...(looped ? [looped] : [])];
    for (const { hook, mail } of hooked) void this.#hear(mail, callSafely(hook, mail));
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
  }

  /** The first refusal or failure is the verdict; else it waits for the last to agree. */
  async #hear(mail: Mail, answer: Promise<MailHookAnswer>): Promise<void> {
    try {
      const said = await answer;
      mail.finish();
      this.#said.push(said);
      const isRefused = isRefusal(said);
      if (isRefused) this.#abandon('another hook refused it', mail);
      if (isRefused || this.#said.length === this.#mails.length) {
        this.#verdict.resolve(this.#combine());
      }
    } catch (error) {
      mail.finish();
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
    const said = this.#said;
    const ok = queuedAs(this.#facts.messageId);
    const combined = (index: number): Reply => {
      const replies = said.flatMap((each) => replyFor(each, index) ?? []);
      return replies.find((reply) => reply.code >= 400) ?? replies[0] ?? ok;
    };
    if (!said.some((each) => Array.isArray(each))) return combined(0);
    const all = this.#facts.envelope.recipients.map((_, index) => combined(index));
    if (this.#facts.session.protocol === 'LMTP') return all;
    return all.find((reply) => reply.code >= 400) ?? all[0] ?? ok;
  }
}

async function callSafely(hook: MailHook, mail: Mail): Promise<MailHookAnswer> {
  const said: Now<MailHookAnswer> = hook(mail);
  return isPromise(said) ? await said : said;
}

/** Whether the whole mail was refused. */
function isRefusal(said: MailHookAnswer): boolean {
  if (!said) return false;
  const replies = 'code' in said ? [said] : said;
  return replies.every((reply) => reply.code >= 400);
}

function replyFor(said: MailHookAnswer, index: number): Reply | undefined {
  if (!said) return undefined;
  return 'code' in said ? said : said[index];
}
