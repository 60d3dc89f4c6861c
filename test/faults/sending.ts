// A message that is sent to a bridge write by write, with the pauses that its writer asks for.
import type { MessageWriter } from '../../src/smtp/index.ts';
import { type FactsInput, facts } from '../bridge/support.ts';
import type { BenchBridge } from './bridge-under-faults.ts';

export interface Sending {
  readonly writer: MessageWriter;
  /** Writes one chunk; `false` when the writer asked for a pause. */
  write(octets: number): boolean;
  writeSpan(span: Buffer): boolean;
  /** Settles when the pause is over. */
  drained(): Promise<void>;
}

export async function openSending(bridge: BenchBridge, input: FactsInput = {}): Promise<Sending> {
  let wake: () => void = () => undefined;
  let drained = Promise.resolve();
  let isPaused = false;
  const opened = await bridge.open(facts(input), () => wake());
  if (opened.kind === 'refuse') throw new Error(`refused ${opened.reply.code}`);
  const { writer } = opened;
  const sending: Sending = {
    writer,
    write: (octets) => sending.writeSpan(Buffer.alloc(octets, 'x')),
    writeSpan: (span) => {
      if (!isPaused) {
        drained = new Promise((resolve) => {
          wake = () => {
            isPaused = false;
            resolve();
          };
        });
      }
      const goesOn = writer.write(span);
      isPaused ||= !goesOn;
      return goesOn;
    },
    drained: () => drained,
  };
  return sending;
}

export async function send(sending: Sending, octets: number): Promise<void> {
  for (let sent = 0; sent < octets; sent += 64 * 1024) {
    if (!sending.write(Math.min(64 * 1024, octets - sent))) await sending.drained();
  }
}
