// What hooks may say in the property tests: any value, with what it means by the documentation.
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Refusal } from '../../../src/server/index.ts';
import type { Reply } from '../../../src/smtp/index.ts';

/** What the value means, by the documentation. `neither` is no answer at all: 4yz, and a failure. */
export type Meaning = 'go-on' | 'accepts' | 'refuses' | 'ends' | 'neither';
export interface Said {
  readonly value: unknown;
  readonly meaning: Meaning;
}
/** How it is said. */
type Way =
  | 'returned'
  | 'resolved'
  | 'later'
  | 'thenable'
  | 'thrown'
  | 'rejected'
  /** As a `Refusal`. */
  | 'refused'
  | 'refused later';
export interface Answer extends Said {
  readonly way: Way;
}

const statuses = fc.constantFrom(undefined, '7.1', '0.0', '1.5', '999.999');
const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('a\r\n250 Ok', '\r\n.\r\n', 'x'.repeat(2000)),
  fc.array(fc.string(), { minLength: 1, maxLength: 4 }),
);
const reply = (codes: readonly number[]): fc.Arbitrary<object> =>
  fc.record({ code: fc.constantFrom(...codes), status: statuses, text: texts });

const thrower = new Proxy(
  {},
  {
    get: () => {
      throw new Error('get');
    },
    has: () => {
      throw new Error('has');
    },
    ownKeys: () => {
      throw new Error('ownKeys');
    },
    getPrototypeOf: () => {
      throw new Error('getPrototypeOf');
    },
  },
);
/** Stands for `thrower`, which fast-check itself cannot look at. */
const UNREADABLE = 'a value that throws when it is read';
const OK = { code: 250, status: '0.0', text: 'Ok' };
const almost: readonly unknown[] = [
  false,
  true,
  null,
  '',
  0,
  Number.NaN,
  250,
  550,
  '250 Ok',
  Symbol('ok'),
  10n,
  () => OK,
  [],
  [[OK]],
  [undefined],
  new Map([['code', 250]]),
  new Date(),
  Buffer.from('250 Ok'),
  new Error('returned'),
  UNREADABLE,
  JSON.parse('{"then":5}'),
  Object.create(null),
  { code: 250 },
  { code: 250, message: 'x' },
  { ...OK, code: '250' },
  { ...OK, code: 2500 },
  { ...OK, code: 354 },
  { ...OK, code: 221 },
  { ...OK, code: 399 },
  { ...OK, code: Number.NaN },
  { ...OK, code: 250n },
  { ...OK, status: '2.0.0' },
  { ...OK, status: 2 },
  { ...OK, status: '0.0\r\n250' },
  { ...OK, text: 5 },
  { ...OK, text: null },
  { ...OK, text: [] },
  { ...OK, text: [OK] },
  { kind: 'accept' },
  { kind: 'refuse' },
  { kind: 'refuse', reply: OK },
  { kind: 'each', replies: [OK] },
  { kind: 'verify', verifiers: [], settle: () => true },
  { identity: { username: 'ann', mechanism: 'PLAIN' } },
];
/** Whether the arbitrary value happens to be an answer: it is not, but one may say `undefined`. */
export const junk = fc
  .oneof(fc.constantFrom(...almost), fc.anything({ withNullPrototype: true, withBigInt: true }))
  .filter((value) => value !== undefined);

const said = (meaning: Meaning, values: fc.Arbitrary<unknown>): fc.Arbitrary<Said> =>
  values.map((value) => ({ value, meaning }));
const refusals = said('refuses', reply([450, 451, 452, 500, 550, 554, 559]));
const closings = said('ends', reply([421]));
const silence = said('go-on', fc.constant(undefined));
const noAnswer = said('neither', junk);
export const answers = (accepting: readonly number[]): fc.Arbitrary<Answer> =>
  fc
    .tuple(
      fc.oneof(
        { weight: 8, arbitrary: silence },
        { weight: 3, arbitrary: noAnswer },
        { weight: 2, arbitrary: refusals },
        { weight: 1, arbitrary: closings },
        ...(accepting.length === 0
          ? []
          : [{ weight: 2, arbitrary: said('accepts', reply(accepting)) }]),
      ),
      fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom<Way>('returned', 'resolved', 'later', 'thenable') },
        { weight: 2, arbitrary: fc.constantFrom<Way>('thrown', 'rejected') },
      ),
    )
    .map(([{ value, meaning }, way]): Answer => {
      if (way !== 'thrown' && way !== 'rejected') return { value, way, meaning };
      const isRefusal = meaning === 'refuses' || meaning === 'ends';
      if (!isRefusal) return { value, way, meaning: 'neither' };
      return { value, way: way === 'thrown' ? 'refused' : 'refused later', meaning };
    });

function refusal({ code, status, text }: Reply): Refusal {
  return new Refusal(code, status, text);
}

export function say({ value: given, way }: Answer): unknown {
  const value = given === UNREADABLE ? thrower : given;
  switch (way) {
    case 'returned':
      return value;
    case 'resolved':
      return Promise.resolve(value);
    case 'later':
      return sleep(1).then(() => value);
    case 'thenable':
      // Calls back at once and twice, as no promise does.
      return {
        // oxlint-disable-next-line unicorn/no-thenable -- a thenable is what is tested
        then: (resolve: (given: unknown) => void) => {
          resolve(value);
          resolve(OK);
        },
      };
    case 'thrown':
      throw value;
    case 'rejected':
      return Promise.reject(value);
    case 'refused':
      throw refusal(value as Reply);
    case 'refused later':
      return Promise.reject(refusal(value as Reply));
  }
}

const identity = { username: 'ann', mechanism: 'PLAIN' };
export const signIns: fc.Arbitrary<Answer> = fc
  .oneof(
    { weight: 4, arbitrary: said('accepts', fc.constantFrom(true, { kind: 'accept', identity })) },
    { weight: 1, arbitrary: said('refuses', fc.constantFrom(false, undefined)) },
    { weight: 2, arbitrary: refusals },
    {
      weight: 4,
      arbitrary: said(
        'neither',
        junk.filter((value) => typeof value !== 'boolean'),
      ),
    },
  )
  .chain((each) =>
    fc.constantFrom<Way>('returned', 'resolved', 'later').map((way) => ({ ...each, way })),
  );

/** As `TestClient` gives a reply: without the line end, and without the blanks before it. */
export const WELL_FORMED =
  /^(?:([2-5][0-5]\d)-[\x20-\x7e]*\n(?:\1-[\x20-\x7e]*\n)*\1|[2-5][0-5]\d)(?: [\x20-\x7e]*)?$/;
