// Checks of the options: each adds what is wrong with a value to a list, so that all mistakes are reported together.
import { type OptionProblem, OptionsError } from '../errors.ts';
import { describe, isPlainObject, showValue } from './show.ts';

/** Called with a value that is there: `undefined` stands for an option that is absent. */
export type Check = (value: unknown, path: string, problems: OptionProblem[]) => void;

/** A value of which `isRight` holds. */
export function value(expected: string, isRight: (given: unknown) => boolean): Check {
  return (given, path, problems) => {
    if (!isRight(given)) problems.push({ path, expected, got: showValue(given) });
  };
}

/** As `value`, for what no error may show. */
export function secret(expected: string, isRight: (given: unknown) => boolean): Check {
  return (given, path, problems) => {
    if (!isRight(given)) problems.push({ path, expected, got: describe(given) });
  };
}

export function oneOf(...allowed: readonly string[]): Check {
  const quoted = allowed.map((each) => JSON.stringify(each));
  const last = quoted.pop();
  return value(`${quoted.join(', ')} or ${last}`, (given) =>
    allowed.some((each) => each === given),
  );
}

export const yesOrNo = value('true or false', (given) => typeof given === 'boolean');
export const callable = value('a function', (given) => typeof given === 'function');
export const wholeNumber = value(
  'a whole number from 0',
  (given) => Number.isSafeInteger(given) && Number(given) >= 0,
);
export const anyNumber = value(
  'a number from 0',
  (given) => Number.isFinite(given) && Number(given) >= 0,
);

export function text(expected: string, isRight: (given: string) => boolean): Check {
  return value(expected, (given) => typeof given === 'string' && isRight(given));
}

/** An array, each entry of which passes `check`. */
export function listOf(check: Check): Check {
  return (given, path, problems) => {
    if (!Array.isArray(given)) {
      problems.push({ path, expected: 'an array', got: describe(given) });
      return;
    }
    // Not `entries`: a hole of the array is a mistake too.
    for (let index = 0; index < given.length; index++) {
      check(given[index], `${path}[${index}]`, problems);
    }
  };
}

/** An object with these members, and no other; `member` says what they are. */
export function record(
  checks: Readonly<Record<string, Check>>,
  required: readonly string[] = [],
  member = 'option',
): Check {
  return (given, path, problems) => {
    if (!isPlainObject(given)) {
      problems.push({ path: path || 'options', expected: 'an object', got: describe(given) });
      return;
    }
    for (const [name, found] of Object.entries(given)) {
      const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
      const where = path === '' ? name : `${path}.${name}`;
      if (check === undefined) {
        const expected = `no such ${member}${similar(name, Object.keys(checks))}`;
        problems.push({ path: where, expected, got: describe(found) });
      } else if (found !== undefined) check(found, where, problems);
    }
    for (const name of required) {
      const where = path === '' ? name : `${path}.${name}`;
      if (given[name] === undefined) checks[name]?.(undefined, where, problems);
    }
  };
}

function similar(name: string, known: readonly string[]): string {
  const meant = known.find((each) => each.toLowerCase() === name.toLowerCase());
  return meant === undefined ? '' : ` (there is ${meant})`;
}

/** Throws one `OptionsError` for all mistakes in these arguments of a function. */
export function checkAll(
  name: string,
  checks: readonly (readonly [argument: string, check: Check, given: unknown])[],
): void {
  const problems: OptionProblem[] = [];
  for (const [argument, check, given] of checks) {
    check(given, `${name}: ${argument}`, problems);
  }
  throwAll(problems);
}

export function throwAll(problems: readonly OptionProblem[]): void {
  if (problems.length === 0) return;
  throw new OptionsError(problems.map(renderProblem).join('\n'), problems);
}

export function renderProblem({ path, expected, got }: OptionProblem): string {
  return `${path}: expected ${expected}, got ${got}`;
}
