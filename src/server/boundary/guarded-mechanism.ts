// A SASL mechanism of the embedder's: what it throws, or a step that is none, refuses the sign-in for now.
import type {
  Exchange as PureExchange,
  ExchangeContext,
  Mechanism as PureMechanism,
  SessionFacts,
  SignInAnswer,
  Step,
  StepAnswer,
  Wait,
} from '../../smtp/index.ts';
import { HookAnswerError } from '../errors.ts';
import { isPromise } from '../hooks.ts';
import type { Exchange, Mechanism } from '../mechanism.ts';
import { refusalOf } from '../refusal.ts';
import { replies } from '../replies.ts';
import { requireReply } from './replies.ts';
import { describe } from './show.ts';
import { requireIdentity } from './sign-in-answers.ts';

type Report = (session: SessionFacts, error: unknown) => void;

const FAILED: StepAnswer & { kind: 'refuse' } = { kind: 'refuse', reply: replies.signInHookFailed };
const ATTEMPTS: readonly unknown[] = ['password', 'scram', 'token', 'certificate'];

export function guardMechanism(mechanism: Mechanism, report: Report): PureMechanism {
  return {
    name: mechanism.name,
    isOffered(context) {
      try {
        const said: unknown = mechanism.isOffered(context);
        if (typeof said === 'boolean') return said;
        throw new HookAnswerError(
          'mechanism',
          `isOffered: expected true or false, got ${describe(said)}`,
        );
      } catch (error) {
        report(context.facts, error);
        return false;
      }
    },
    start: (context, offered) =>
      new GuardedExchange(() => mechanism.start(context, offered), context, report),
  };
}

class GuardedExchange implements PureExchange {
  readonly #context: ExchangeContext;
  readonly #report: Report;
  readonly #start: () => Exchange;
  #exchange: Exchange | undefined;

  constructor(start: () => Exchange, context: ExchangeContext, report: Report) {
    this.#start = start;
    this.#context = context;
    this.#report = report;
  }

  begin(): Step | Wait {
    return this.#step((exchange) => exchange.begin());
  }

  respond(response: Buffer): Step | Wait {
    return this.#step((exchange) => exchange.respond(response));
  }

  answered(answer: SignInAnswer): Step | Wait {
    return this.#step((exchange) => exchange.answered(answer));
  }

  #step(take: (exchange: Exchange) => unknown): Step | Wait {
    try {
      this.#exchange ??= this.#start();
      const said = take(this.#exchange);
      return isPromise(said) ? { kind: 'wait', on: this.#later(said) } : requireStep(said);
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** Never rejects. */
  async #later(said: PromiseLike<unknown>): Promise<StepAnswer> {
    try {
      return { kind: 'step', step: requireStep(await said) };
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): StepAnswer & { kind: 'refuse' } {
    const reply = refusalOf(error);
    if (reply !== undefined) return { kind: 'refuse', reply };
    this.#report(this.#context.facts, error);
    return FAILED;
  }
}

/** The step that an exchange of the embedder's waits for. */
export async function stepOf(on: unknown): Promise<StepAnswer> {
  // Made by `#later`.
  return on as Promise<StepAnswer>;
}

function requireStep(said: unknown): Step {
  if (typeof said !== 'object' || said === null || !('kind' in said)) {
    return fail(`expected a step, got ${describe(said)}`);
  }
  const members = said as Readonly<Record<string, unknown>>;
  switch (said.kind) {
    case 'challenge':
      if (!Buffer.isBuffer(members['data'])) {
        fail(`challenge: data: expected a Buffer, got ${describe(members['data'])}`);
      }
      break;
    case 'ask':
      requireQuestion(members['question']);
      break;
    case 'accept':
      requireIdentity(members['identity'], 'mechanism');
      break;
    case 'refuse':
      requireReply(members['reply'], 'mechanism');
      if (members['rule'] !== undefined && typeof members['rule'] !== 'string') {
        fail(`refuse: rule: expected nothing or a string, got ${describe(members['rule'])}`);
      }
      break;
    case 'malformed':
      break;
    default:
      fail(
        `kind: expected challenge, ask, accept, refuse or malformed, got ${describe(said.kind)}`,
      );
  }
  return said as Step;
}

function requireQuestion(question: unknown): void {
  if (typeof question !== 'object' || question === null || !('kind' in question)) {
    return fail(`ask: question: expected an object, got ${describe(question)}`);
  }
  const members = question as Readonly<Record<string, unknown>>;
  if (question.kind === 'settle-sign-in') {
    const { proved } = members;
    if (typeof proved !== 'boolean')
      fail(`proved: expected true or false, got ${describe(proved)}`);
    return undefined;
  }
  const { attempt } = members;
  if (question.kind !== 'sign-in' || typeof attempt !== 'object' || attempt === null) {
    return fail('ask: question: expected sign-in with an attempt, or settle-sign-in');
  }
  const { kind, mechanism, username, authorizationId, subject } = attempt as Readonly<
    Record<string, unknown>
  >;
  if (!ATTEMPTS.includes(kind)) fail(`attempt: kind: expected ${ATTEMPTS.join(', ')}`);
  const isCertificate = kind === 'certificate';
  const names = {
    mechanism,
    ...(isCertificate ? { subject, authorizationId } : { username }),
    ...(!isCertificate && authorizationId !== undefined && { authorizationId }),
  };
  for (const [name, found] of Object.entries(names)) {
    if (typeof found === 'string') continue;
    fail(`attempt: ${name}: expected a string, got ${describe(found)}`);
  }
  return undefined;
}

function fail(detail: string): never {
  throw new HookAnswerError('mechanism', detail);
}
