/**
 * Maps with up to `concurrency` calls in progress, and gives the results in the order of the inputs, each as soon as it and
 * all before it are there. Takes a new input only when a place is free, so nothing piles up behind a slow reader. Where the
 * inputs fail, the results of those before come first.
 */
export async function* mapInOrder<T, R>(
  inputs: AsyncIterable<T>,
  concurrency: number,
  map: (input: T) => Promise<R>,
): AsyncGenerator<R> {
  const iterator = inputs[Symbol.asyncIterator]();
  const begun: Call<R>[] = [];
  let asked: Promise<Input<T>> | undefined;
  let end: { readonly error?: unknown } | undefined;
  try {
    for (;;) {
      const [first] = begun;
      if (end === undefined && begun.length < concurrency) asked ??= ask(iterator);
      const input = begun.length < concurrency ? asked : undefined;
      if (first !== undefined && (input === undefined || (await isFirst(first.settled, input)))) {
        begun.shift();
        yield await first.result;
        continue;
      }
      if (input === undefined) break;
      asked = undefined;
      const taken = await input;
      if ('value' in taken) begun.push(call(map(taken.value)));
      else end = taken;
    }
  } finally {
    await Promise.allSettled(begun.map(({ result }) => result));
    await iterator.return?.();
  }
  if (end !== undefined && 'error' in end) throw end.error;
}

/** A call in progress. */
interface Call<R> {
  readonly result: Promise<R>;
  readonly settled: Promise<void>;
}

function call<R>(result: Promise<R>): Call<R> {
  // Awaited later; until then a rejection must not count as unhandled.
  const settled = result.then(
    () => undefined,
    () => undefined,
  );
  return { result, settled };
}

type Input<T> = { readonly value: T } | { readonly error?: unknown };

async function ask<T>(iterator: AsyncIterator<T>): Promise<Input<T>> {
  try {
    const { done, value } = await iterator.next();
    return done ? {} : { value };
  } catch (error) {
    return { error };
  }
}

function isFirst(one: Promise<unknown>, other: Promise<unknown>): Promise<boolean> {
  return Promise.race([one.then(() => true), other.then(() => false)]);
}

/** The inputs until the signal aborts. */
export async function* untilAborted<T>(
  inputs: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  for await (const input of inputs) {
    if (signal?.aborted) return;
    yield input;
  }
}
