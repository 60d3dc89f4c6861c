// The containers of the scanners, beside that of the program.
import { aws_ecs as ecs, type aws_logs as logs, Duration } from 'aws-cdk-lib';
import type { PlannedScanner, ScannerName } from './scanners.ts';
import { RSPAMD_PORT } from './scanners.ts';

export interface ScannerContainersProps {
  readonly task: ecs.TaskDefinition;
  /** The container of the program. */
  readonly program: ecs.ContainerDefinition;
  readonly scanners: readonly PlannedScanner[];
  /** Mail is deferred without the scanner: then a task without it is none. */
  readonly isEssential: boolean;
  readonly logGroup: logs.ILogGroup;
}

interface ContainerOptions {
  readonly user: string;
  /** Default: that of the image. */
  readonly entryPoint?: readonly string[];
  readonly readonlyRootFilesystem: boolean;
  /** The folder that it writes to. */
  readonly volume?: string;
  readonly healthCheck: readonly string[];
}

const OPTIONS: Readonly<Record<ScannerName, ContainerOptions>> = {
  rspamd: {
    user: '11333:11333',
    readonlyRootFilesystem: true,
    // A VOLUME of the image, so that it keeps its owner.
    volume: '/var/lib/rspamd',
    // The image has no HTTP client.
    healthCheck: [
      'CMD',
      'bash',
      '-c',
      `exec 3<>/dev/tcp/127.0.0.1/${RSPAMD_PORT} && printf 'GET /ping HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q pong <&3`,
    ],
  },
  clamd: {
    user: 'clamav',
    // That of some builds of the image wants to be root.
    entryPoint: ['/init-unprivileged'],
    // freshclam writes into the folder in which the image has its signatures, which no volume may hide, and clamd into /tmp.
    readonlyRootFilesystem: false,
    healthCheck: ['CMD', 'clamdcheck.sh'],
  },
};

/** ECS allows no longer one. Loading the signatures takes a minute or two. */
const START_PERIOD = Duration.seconds(300);

export function addScannerContainers({
  task,
  program,
  scanners,
  isEssential,
  logGroup,
}: ScannerContainersProps): void {
  for (const { name, image, cpu, memoryMiB } of scanners) {
    const { user, entryPoint, readonlyRootFilesystem, volume, healthCheck } = OPTIONS[name];
    const linuxParameters = new ecs.LinuxParameters(task, `${name}Parameters`, {
      initProcessEnabled: true,
    });
    linuxParameters.dropCapabilities(ecs.Capability.ALL);
    const container = task.addContainer(name, {
      containerName: name,
      image,
      cpu,
      memoryLimitMiB: memoryMiB,
      user,
      ...(entryPoint && { entryPoint: [...entryPoint] }),
      readonlyRootFilesystem,
      linuxParameters,
      essential: isEssential,
      // In place: a scanner that has died is back in seconds, and the sessions of the task go on.
      enableRestartPolicy: true,
      healthCheck: {
        command: [...healthCheck],
        interval: Duration.seconds(30),
        timeout: Duration.seconds(10),
        retries: 3,
        startPeriod: START_PERIOD,
      },
      logging: ecs.LogDrivers.awsLogs({
        streamPrefix: 'scanner',
        logGroup,
        mode: ecs.AwsLogDriverMode.NON_BLOCKING,
      }),
    });
    if (volume !== undefined) {
      task.addVolume({ name });
      container.addMountPoints({ sourceVolume: name, containerPath: volume, readOnly: false });
    }
    // Started before the program, and stopped after it: the mail of the last sessions is scanned too.
    program.addContainerDependencies({
      container,
      condition: ecs.ContainerDependencyCondition.START,
    });
  }
}
