// The sizes of tasks that Fargate has.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size

export interface TaskSize {
  /** CPU units; 1024 are one processor. */
  readonly cpu: number;
  readonly memoryMiB: number;
}

const GIBIBYTE = 1024;

/** CPU units → least and most memory in MiB, and the steps between. */
const FARGATE: Readonly<Record<number, readonly [least: number, most: number, step: number]>> = {
  256: [512, 2 * GIBIBYTE, 512],
  512: [GIBIBYTE, 4 * GIBIBYTE, GIBIBYTE],
  1024: [2 * GIBIBYTE, 8 * GIBIBYTE, GIBIBYTE],
  2048: [4 * GIBIBYTE, 16 * GIBIBYTE, GIBIBYTE],
  4096: [8 * GIBIBYTE, 30 * GIBIBYTE, GIBIBYTE],
  8192: [16 * GIBIBYTE, 60 * GIBIBYTE, 4 * GIBIBYTE],
  16_384: [32 * GIBIBYTE, 120 * GIBIBYTE, 8 * GIBIBYTE],
};

/** The errors of the size that is given for the program, and of the size with the scanners. */
export function taskSizeProblems(program: TaskSize, scanners: readonly TaskSize[]): string[] {
  const problems = sizeProblems(program);
  if (problems.length > 0 || taskSizeFor([program, ...scanners]) !== undefined) return problems;
  const { cpu, memoryMiB } = sumOf([program, ...scanners]);
  return [
    `scanners: expected no more than a task of Fargate has, together with cpu and memoryMiB, got ${cpu} CPU units and ${memoryMiB} MiB`,
  ];
}

/** The smallest task that has room for all parts; the size of the only part as it is. */
export function taskSizeFor(parts: readonly TaskSize[]): TaskSize | undefined {
  const [only] = parts;
  if (parts.length === 1) return only;
  const needed = sumOf(parts);
  for (const [units, [least, most, step]] of Object.entries(FARGATE)) {
    const cpu = Number(units);
    const memoryMiB = Math.max(least, Math.ceil(needed.memoryMiB / step) * step);
    if (cpu < needed.cpu || memoryMiB > most) continue;
    return { cpu, memoryMiB: cpu === 256 && memoryMiB === 1536 ? 2048 : memoryMiB };
  }
  return undefined;
}

function sumOf(parts: readonly TaskSize[]): TaskSize {
  return {
    cpu: parts.reduce((sum, { cpu }) => sum + cpu, 0),
    memoryMiB: parts.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0),
  };
}

function sizeProblems({ cpu, memoryMiB }: TaskSize): string[] {
  const allowed = FARGATE[cpu];
  if (allowed === undefined) {
    return [`cpu: expected ${Object.keys(FARGATE).join(', ')}, got ${cpu}`];
  }
  const [least, most, step] = allowed;
  const isStep = memoryMiB === least || memoryMiB % step === 0;
  // The one value between the steps: 256 CPU units take 512, 1024 and 2048 MiB.
  const isGap = cpu === 256 && memoryMiB === 1536;
  if (memoryMiB >= least && memoryMiB <= most && isStep && !isGap) return [];
  const steps = cpu === 256 ? '512, 1024 or 2048' : `${least} to ${most} in steps of ${step}`;
  return [
    `memoryMiB: expected ${steps} with cpu ${cpu}, which is all that Fargate has, got ${memoryMiB}`,
  ];
}
