// How the values of one metric were spread over one interval. Exact while they are few; then rounded to 2.5 %,
// which bounds the memory whatever arrives.

/** The most values that one EMF member may hold, by its specification. */
export const EMF_VALUES = 100;

/** Neighbouring buckets differ by 5 %, so that a value is off by at most 2.5 %. */
const LOG_OF_STEP = Math.log(1.05);
/** With the step above: at most 850 buckets. */
const LEAST = 1e-3;
const GREATEST = 1e15;

export class ValueDistribution {
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  readonly #exact: number[] = [];
  readonly #buckets = new Map<number, number>();

  add(value: number): void {
    this.count += 1;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    if (this.#exact.length < EMF_VALUES) this.#exact.push(value);
    const bucket = roundToBucket(value);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
  }

  /** Every value as it was, or `undefined` when there were more than one EMF member may hold. */
  get exactValues(): readonly number[] | undefined {
    return this.count <= EMF_VALUES ? this.#exact : undefined;
  }

  /** Rounded values with how often each came, in ascending order. */
  get roundedCounts(): readonly (readonly [value: number, count: number])[] {
    return [...this.#buckets].sort(([a], [b]) => a - b);
  }
}

function roundToBucket(value: number): number {
  if (value <= LEAST) return 0;
  const steps = Math.round(Math.log(Math.min(value, GREATEST)) / LOG_OF_STEP);
  return Number(Math.exp(steps * LOG_OF_STEP).toPrecision(6));
}
