// One cell of the protocol table: every server side by side, round after round, medians at the end.
import type { Cell, Contender, TlsFiles } from './cells.ts';
import { sendLoad } from './load.ts';
import { type RunningServer, startServer } from './processes.ts';

interface Round {
  /** Of the server's process, per message. */
  readonly cpuMicroseconds: number;
  readonly messagesPerSecond: number;
}

/** The medians of the rounds. */
export interface Measured extends Round {
  /** CPU against the floor's of the same round, so that what else the machine did falls out of it. */
  readonly timesFloor: number | undefined;
}

/** What a round of each server gave, by its name; `undefined` where the cell is not for it or failed. */
export type Row = ReadonlyMap<string, Measured | Error>;

interface Entrant {
  readonly name: string;
  readonly server: RunningServer;
  readonly messages: number;
  readonly rounds: Round[];
}

/** In the warm-up all servers work in parallel, so that it does not take all day. */
const WARM_UP_SESSIONS = 50;

export async function measureCell(
  cell: Cell,
  contenders: readonly Contender[],
  tls: TlsFiles,
  rounds: number,
): Promise<Row> {
  const row = new Map<string, Measured | Error>();
  const entrants: Entrant[] = [];
  try {
    for (const contender of contenders) {
      const { name, share, hasTls } = contender;
      if (cell.isTls && !hasTls) continue;
      const usual = Math.max(cell.sessions, Math.ceil(cell.messages * share));
      const isAlone = cell.sessions === 1 && !cell.isReused;
      const messages = isAlone ? (contender.messagesAlone ?? usual) : usual;
      try {
        const server = await startServer((port) =>
          contender.command(port, cell.isTls ? tls : undefined),
        );
        entrants.push({ name, server, messages, rounds: [] });
        // Its code is compiled and its memory has grown before anything is counted.
        const warmUp = Math.ceil(cell.warmUp * share);
        await sendLoad(server.port, { ...cell, sessions: WARM_UP_SESSIONS }, warmUp);
      } catch (error) {
        row.set(name, toError(error));
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const entrant of entrants) {
        if (row.has(entrant.name)) continue;
        try {
          entrant.rounds.push(await measureRound(cell, entrant));
        } catch (error) {
          row.set(entrant.name, toError(error));
        }
      }
    }
    const floor = entrants.find(({ name }) => name === 'floor' && !row.has(name))?.rounds;
    for (const { name, rounds: measured } of entrants) {
      if (row.has(name)) continue;
      row.set(name, {
        cpuMicroseconds: median(measured.map((each) => each.cpuMicroseconds)),
        messagesPerSecond: median(measured.map((each) => each.messagesPerSecond)),
        timesFloor:
          floor &&
          median(
            measured.map(
              (each, round) => each.cpuMicroseconds / (floor[round]?.cpuMicroseconds ?? Number.NaN),
            ),
          ),
      });
    }
    return row;
  } finally {
    await Promise.all(entrants.map(({ server }) => server.stop()));
  }
}

async function measureRound(cell: Cell, { server, messages }: Entrant): Promise<Round> {
  const cpuBefore = server.cpu();
  const begun = performance.now();
  await sendLoad(server.port, cell, messages);
  const seconds = (performance.now() - begun) / 1000;
  return {
    cpuMicroseconds: (server.cpu() - cpuBefore) / messages,
    messagesPerSecond: messages / seconds,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? Number.NaN)) / 2 : upper;
}

export function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
