// The program with the configuration that a deployment gave to its tasks, on loopback ports of this machine.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Engine, REGION } from './engine.ts';
import { UNVERIFIED } from '../support/unverified.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

interface TaskConfiguration {
  readonly listeners: readonly { readonly name: string }[];
}

export interface DeployedTask {
  readonly configuration: string;
  readonly roleArn: string;
}

export interface ProgramOptions {
  /** What comes before the environment of the engine, such as the credentials of the task. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Of configuration sections that a test makes quicker. */
  readonly changes?: Readonly<Record<string, unknown>>;
}

export class DeployedProgram {
  readonly #process: ChildProcess;
  readonly #ports = new Map<string, number>();
  readonly #events: Readonly<Record<string, unknown>>[] = [];

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(
    engine: Engine,
    { environment = {}, changes = {} }: ProgramOptions = {},
  ): Promise<DeployedProgram> {
    const given = JSON.parse((await readTask(engine)).configuration) as TaskConfiguration;
    const configuration = {
      ...given,
      listeners: given.listeners.map((listener) => ({ ...listener, host: '127.0.0.1', port: 0 })),
      health: { host: '127.0.0.1', port: 0 },
      shutdown: { grace: 0, deadline: '10s' },
      verify: UNVERIFIED,
      ...changes,
    };
    const child = spawn(
      process.execPath,
      [main, 'serve', '--config', JSON.stringify(configuration)],
      {
        env: { ...process.env, ...engine.environment, ...environment },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    // A test that failed may have left it: the runner waits for whoever holds its standard error.
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    const program = new DeployedProgram(child);
    const lines = createInterface({ input: child.stdout });
    await new Promise<void>((resolve, reject) => {
      child.on('exit', (code) => reject(new Error(`the program ended with ${code}`)));
      lines.on('line', (line) => {
        const event = JSON.parse(line) as Record<string, unknown>;
        program.#events.push(event);
        if (event['event'] === 'listening')
          program.#ports.set(String(event['listener']), Number(event['port']));
        if (program.#ports.size === given.listeners.length) resolve();
      });
    });
    return program;
  }

  port(listener: string): number {
    return this.#ports.get(listener) ?? 0;
  }

  /** The lines of its log with this event. */
  events(name: string): readonly Readonly<Record<string, unknown>>[] {
    return this.#events.filter(({ event }) => event === name);
  }

  /** Drains; the exit code. */
  async stop(): Promise<number | null> {
    if (this.#process.exitCode !== null) return this.#process.exitCode;
    const closed = once(this.#process, 'close') as Promise<[number | null]>;
    this.#process.kill('SIGTERM');
    const [code] = await closed;
    return code;
  }
}

/** The task definition that the engine holds: what is in the environment of its container, and its role. */
export async function readTask(engine: Engine): Promise<DeployedTask> {
  const { taskDefinitionArns } = await callEcs<{ readonly taskDefinitionArns: readonly string[] }>(
    engine,
    'ListTaskDefinitions',
    {},
  );
  const { taskDefinition } = await callEcs<{
    readonly taskDefinition: {
      readonly taskRoleArn: string;
      readonly containerDefinitions: readonly {
        readonly environment: readonly { readonly name: string; readonly value: string }[];
      }[];
    };
  }>(engine, 'DescribeTaskDefinition', { taskDefinition: taskDefinitionArns.at(-1) });
  const environment = taskDefinition.containerDefinitions.flatMap((each) => each.environment);
  return {
    configuration: environment.find(({ name }) => name === 'MAILSLUICE_CONFIG')?.value ?? '',
    roleArn: taskDefinition.taskRoleArn,
  };
}

/** By hand: one call does not need a client of the SDK. moto reads the service from the header, and checks no signature. */
async function callEcs<Answer>(engine: Engine, action: string, input: object): Promise<Answer> {
  const response = await fetch(engine.endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AmazonEC2ContainerServiceV20141113.${action}`,
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/ecs/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify(input),
  });
  if (!response.ok) throw new Error(`${action}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Answer;
}
