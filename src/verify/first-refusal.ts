import type { SenderRefusal } from './judgement.ts';

/** One for good goes before one for now: the sender need not come again to hear it. Of several the first. */
export function firstRefusal(
  ...refusals: readonly (SenderRefusal | undefined)[]
): SenderRefusal | undefined {
  const given = refusals.filter((each) => each !== undefined);
  return given.find(({ reply }) => reply.code >= 500) ?? given[0];
}
