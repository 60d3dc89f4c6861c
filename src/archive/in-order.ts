/** A call in progress. */
interface Begun<T> {
  readonly result: Promise<T>;
}

/**
 * Maps with up to `concurrency` calls in progress, and gives the results in the order of the inputs. Takes a new input
 * only when a place is free, so nothing piles up behind a slow reader.
 */
export async function* mapInOrder<T, R>(
  inputs: AsyncIterable<T>,
  concurrency: number,
  map: (input: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Begun<R>[] = [];
  const takeFirst = async (): Promise<R | undefined> => begun.shift()?.result;
  try {
    for await (const input of inputs) {
      const result = map(input);
      // Awaited later; until then a rejection must not count as unhandled.
      result.catch(() => undefined);
      begun.push({ result });
      if (begun.length >= concurrency) yield (await takeFirst()) as R;
    }
    while (begun.length > 0) yield (await takeFirst()) as R;
  } finally {
    await Promise.allSettled(begun.map(({ result }) => result));
  }
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
