/** Stops or closes one part that was started. */
export type Undo = () => Promise<void> | void;

/** Undoes all of it, the last part first. */
export async function undoAll(started: readonly Undo[]): Promise<void> {
  for (const undo of started.toReversed()) await undo();
}
