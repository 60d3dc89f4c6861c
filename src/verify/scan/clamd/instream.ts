// One exchange with clamd: INSTREAM over a connection of its own, as clamd closes it after the answer.
import type { NetConnectOpts } from 'node:net';
import { failed } from '../failure.ts';
import type { ScanFailure, VirusOutcome } from '../options.ts';
import { parseAnswer } from './answer.ts';
import { ReadingSocket } from './reading-socket.ts';

export interface InstreamOptions {
  readonly address: NetConnectOpts;
  readonly connectMillis: number;
  /** There is room again after `write` has said `false`. */
  readonly onRoom: () => void;
  /** Called once, unless the exchange was destroyed before. */
  readonly onOutcome: (outcome: VirusOutcome) => void;
}

const COMMAND = 'zINSTREAM\0';
const LENGTH_OCTETS = 4;
const END = Buffer.alloc(LENGTH_OCTETS);
/** Above the buffer of any socket, so that it says when it is empty again. */
const MAX_BUFFERED_OCTETS = 256 * 1024;
/** An answer is a line with the name of a signature. */
const MAX_ANSWER_OCTETS = 4096;

export class Instream {
  readonly #options: InstreamOptions;
  readonly #socket: ReadingSocket;
  readonly #timer: NodeJS.Timeout;
  #isConnected = false;
  #isEnded = false;
  #isSettled = false;
  #isCorked = false;
  #answer = '';

  constructor(options: InstreamOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => {
      this.#settle(failed('unreachable', `no connection in ${options.connectMillis} ms`));
    }, options.connectMillis);
    this.#socket = ReadingSocket.connect(options.address, (octets) =>
      this.#read(octets.toString('latin1')),
    );
    this.#socket.setNoDelay(true);
    this.#socket
      .on('connect', () => {
        this.#isConnected = true;
        clearTimeout(this.#timer);
      })
      .on('drain', () => {
        if (!this.#isSettled) options.onRoom();
      })
      .on('end', () => this.#settle(this.#cutOff('closed by clamd')))
      .on('close', () => this.#settle(this.#cutOff('closed')))
      .on('error', (error) => this.#settle(this.#cutOff(error.message)));
    this.#socket.write(COMMAND);
  }

  /** Copies the span. `false`: the next one should wait for `onRoom`. */
  write(span: Buffer): boolean {
    // A part without octets would be the end.
    if (span.length === 0) return true;
    const frame = Buffer.allocUnsafe(LENGTH_OCTETS + span.length);
    frame.writeUInt32BE(span.length);
    span.copy(frame, LENGTH_OCTETS);
    // One write for all spans of a turn.
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(frame);
    return this.#socket.writableLength < MAX_BUFFERED_OCTETS;
  }

  /** No further octets: clamd scans now. */
  end(): void {
    this.#isEnded = true;
    this.#socket.write(END);
  }

  /** All octets of a mail, and its end. The blocks are not copied. */
  writeAll(blocks: readonly Buffer[]): void {
    for (const block of blocks) {
      if (block.length === 0) continue;
      const length = Buffer.allocUnsafe(LENGTH_OCTETS);
      length.writeUInt32BE(block.length);
      this.#socket.write(length);
      this.#socket.write(block);
    }
    this.end();
  }

  destroy(): void {
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#answer += text;
    const end = this.#answer.indexOf('\0');
    if (end === -1) {
      if (this.#answer.length > MAX_ANSWER_OCTETS) {
        this.#settle(failed('answer', `expected a line, got ${this.#answer}`));
      }
      return;
    }
    const outcome = parseAnswer(this.#answer.slice(0, end));
    const isEarly = !this.#isEnded && (outcome.kind === 'clean' || outcome.kind === 'found');
    this.#settle(isEarly ? failed('answer', 'answered before the end of the mail') : outcome);
  }

  #cutOff(detail: string): ScanFailure {
    return failed(this.#isConnected ? 'cut' : 'unreachable', detail);
  }

  #settle(outcome: VirusOutcome): void {
    if (this.#isSettled) return;
    this.destroy();
    this.#options.onOutcome(outcome);
  }
}
