import type { z } from 'zod';
import { contradictions } from './contradictions.ts';
import type { ConfigurationProblem } from './problem.ts';
import { type Configuration, configurationSchema } from './schema.ts';

/** An invalid configuration, with all of its problems; the message has one line for each. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly code = 'MAILSLUICE_CONFIGURATION_INVALID';
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    super(problems.map(renderProblem).join('\n'));
    this.problems = problems;
  }
}

/** `listeners[0].port: expected a whole number from 0 to 65535, got "25x"`. */
export function renderProblem({ path, expected, got }: ConfigurationProblem): string {
  return `${path === '' ? 'configuration' : path}: expected ${expected}, got ${got ?? 'nothing'}`;
}

/**
 * Validates a document (parsed JSON) and fills in the defaults.
 * @throws ConfigurationError with all problems together.
 */
export function parseConfiguration(document: unknown): Configuration {
  const parsed = configurationSchema.safeParse(document, { reportInput: true });
  const problems = (parsed.error?.issues ?? []).flatMap(problemsOf);
  problems.push(...contradictions(validSections(document)));
  if (problems.length > 0 || !parsed.success) throw new ConfigurationError(problems);
  return parsed.data;
}

/**
 * Validates one section, for commands that need no other. `undefined` if the document is `undefined`, or if it
 * lacks the section and the section is optional.
 * @throws ConfigurationError with all problems of that section.
 */
export function parseSection<N extends keyof Configuration>(
  document: unknown,
  name: N,
): Configuration[N] | undefined {
  if (document === undefined) return undefined;
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new ConfigurationError([
      { path: '', expected: 'an object', got: showValue('', document) },
    ]);
  }
  const schema: z.ZodType = configurationSchema.shape[name];
  const section = (document as Record<string, unknown>)[name];
  const parsed = schema.safeParse(section, { reportInput: true });
  if (parsed.success) return parsed.data as Configuration[N];
  throw new ConfigurationError(
    parsed.error.issues.flatMap((issue) =>
      problemsOf({ ...issue, path: [name, ...issue.path] } as z.core.$ZodIssue),
    ),
  );
}

/** The sections without problems, so that contradictions are reported beside other problems. */
function validSections(document: unknown): Partial<Configuration> {
  if (typeof document !== 'object' || document === null) return {};
  const sections: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(configurationSchema.shape)) {
    const parsed = schema.safeParse((document as Record<string, unknown>)[name]);
    if (parsed.success) sections[name] = parsed.data;
  }
  return sections as Partial<Configuration>;
}

function problemsOf(issue: z.core.$ZodIssue): ConfigurationProblem[] {
  const path = renderPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: renderPath([...issue.path, key]),
      expected: 'no such field',
      got: showValue(key, (issue.input as Record<string, unknown> | undefined)?.[key]),
    }));
  }
  return [
    { path, expected: issue.message, got: showValue(String(issue.path.at(-1)), issue.input) },
  ];
}

export function renderPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, at) =>
      typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}

/** The names of all fields with secret values. */
const SECRET_FIELDS = new Set(['key', 'password', 'cert']);
const SHOWN_CHARACTERS = 80;

function showValue(field: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (SECRET_FIELDS.has(field)) return '[hidden]';
  const json = JSON.stringify(value, (key, inner: unknown) =>
    SECRET_FIELDS.has(key) ? '[hidden]' : inner,
  );
  return json.length > SHOWN_CHARACTERS ? `${json.slice(0, SHOWN_CHARACTERS)}…` : json;
}
