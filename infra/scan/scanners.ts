// The prop `scanners`: rspamd and clamd as containers of each task, and what the program's configuration says of them.
import { aws_ecs as ecs } from 'aws-cdk-lib';
import type { ConfigurationInput } from '../../src/config/index.ts';
import { got, isRecord } from '../bridge/given-value.ts';

/** The scanners that are containers of each task. */
export interface Scanners {
  /**
   * rspamd. `true`: with its defaults.
   * @default false
   */
  readonly spam?: boolean | ScannerContainer;
  /**
   * clamd, with freshclam, which fetches new signatures. `true`: with its defaults.
   * @default false
   */
  readonly virus?: boolean | ScannerContainer;
}

export interface ScannerContainer {
  /**
   * The image, best by its digest: `ecs.ContainerImage.fromRegistry('rspamd/rspamd@sha256:…')`. Of another image than the
   * official one, health check, user and entry point must fit.
   * @default - `rspamd/rspamd:3.13`, `clamav/clamav-debian:1.4` of Docker Hub
   */
  readonly image?: ecs.ContainerImage;
  /**
   * CPU units that are added to those of the task.
   * @default 256
   */
  readonly cpu?: number;
  /**
   * Memory in MiB, which is added to that of the task, and the most that the scanner gets.
   * @default - 1024 for rspamd, 4096 for clamd
   */
  readonly memoryMiB?: number;
}

/** Of one scanner, with its defaults. */
export interface PlannedScanner {
  readonly name: ScannerName;
  readonly image: ecs.ContainerImage;
  /** From a registry on the internet. */
  readonly isDefaultImage: boolean;
  readonly cpu: number;
  readonly memoryMiB: number;
}

export type ScannerName = 'rspamd' | 'clamd';

/** Their ports in the task, which only the task itself reaches. */
export const RSPAMD_PORT = 11_333;
export const CLAMD_PORT = 3310;

/** Both are built for ARM64 and x86; `clamav/clamav`, on Alpine, is for x86 alone. */
const DEFAULTS = {
  rspamd: { image: 'rspamd/rspamd:3.13', cpu: 256, memoryMiB: 1024, least: 512 },
  // The signatures take 1.2 GiB, and twice that while newer ones are loaded.
  // https://docs.clamav.net/manual/Installing/Docker.html#memory-ram-requirements
  clamd: { image: 'clamav/clamav-debian:1.4', cpu: 256, memoryMiB: 4096, least: 3072 },
} as const;

export function planScanners({ spam, virus }: Scanners): readonly PlannedScanner[] {
  return [...plan('rspamd', spam), ...plan('clamd', virus)];
}

function plan(name: ScannerName, given: Scanners['spam']): PlannedScanner[] {
  if (given === undefined || given === false) return [];
  const { image, cpu, memoryMiB } = given === true ? {} : given;
  const defaults = DEFAULTS[name];
  return [
    {
      name,
      image: image ?? ecs.ContainerImage.fromRegistry(defaults.image),
      isDefaultImage: image === undefined,
      cpu: cpu ?? defaults.cpu,
      memoryMiB: memoryMiB ?? defaults.memoryMiB,
    },
  ];
}

/**
 * The section `scan`, without the addresses that the construct fills in, and without a password, which everybody could read
 * who may look at a task definition.
 */
export type ScanConfiguration = Omit<NonNullable<ConfigurationInput['scan']>, 'spam' | 'virus'> & {
  readonly spam?: Omit<
    NonNullable<NonNullable<ConfigurationInput['scan']>['spam']>,
    'url' | 'password'
  > & { readonly url?: string };
  readonly virus?: Omit<
    NonNullable<NonNullable<ConfigurationInput['scan']>['virus']>,
    'address'
  > & { readonly address?: string };
};

/** The section `scan` with the addresses of the containers. */
export function scanSection(
  given: ScanConfiguration | undefined,
  scanners: Scanners,
): ScanConfiguration | undefined {
  const names = planScanners(scanners).map(({ name }) => name);
  if (names.length === 0) return given;
  return {
    ...given,
    ...(names.includes('rspamd') && {
      spam: { ...given?.spam, url: `http://127.0.0.1:${RSPAMD_PORT}` },
    }),
    ...(names.includes('clamd') && {
      virus: { ...given?.virus, address: `127.0.0.1:${CLAMD_PORT}` },
    }),
  };
}

/** The errors of what an untyped caller gives. */
export function scannersProblems(scanners: unknown): string[] {
  if (scanners === undefined) return [];
  if (!isRecord(scanners)) {
    return [`scanners: expected an object with spam or virus, got ${got(scanners)}`];
  }
  return Object.entries(scanners).flatMap(([name, scanner]) => {
    if (name !== 'spam' && name !== 'virus') {
      return [`scanners.${name}: expected no such scanner, but spam or virus`];
    }
    if (scanner === undefined || typeof scanner === 'boolean') return [];
    if (!isRecord(scanner)) {
      return [`scanners.${name}: expected true, false or an object, got ${got(scanner)}`];
    }
    const { least } = DEFAULTS[name === 'spam' ? 'rspamd' : 'clamd'];
    return [
      ...wholeProblem(`scanners.${name}.cpu`, scanner['cpu'], 1, ''),
      ...wholeProblem(
        `scanners.${name}.memoryMiB`,
        scanner['memoryMiB'],
        least,
        ', below which it is killed while it loads its rules',
      ),
    ];
  });
}

/** The error of the setting of the ready app. */
export function scannerSettingProblem(scanners: readonly string[]): string | undefined {
  const wrong = scanners.find((name) => name !== 'spam' && name !== 'virus');
  return wrong === undefined
    ? undefined
    : `scanners: expected spam, virus or both, got ${JSON.stringify(wrong)}`;
}

/** The errors between the scanners, the configuration and the network. */
export function scannerConflicts(
  scan: ScanConfiguration | undefined,
  scanners: Scanners,
  hasInternet: boolean,
): string[] {
  const planned = planScanners(scanners);
  const problems: string[] = [];
  for (const [prop, name, section, field] of [
    ['spam', 'rspamd', scan?.spam, 'url'],
    ['virus', 'clamd', scan?.virus, 'address'],
  ] as const) {
    const isPlanned = planned.some((scanner) => scanner.name === name);
    if (isPlanned && isRecord(section) && (section as Fields)[field] !== undefined) {
      problems.push(
        `configuration.scan.${prop}.${field}: expected nothing, since scanners.${prop} fills it in`,
      );
    }
  }
  if (scan?.spam !== undefined && 'password' in scan.spam) {
    problems.push(
      'configuration.scan.spam.password: expected nothing, since it would stand in the task definition; let security groups decide who reaches rspamd',
    );
  }
  const fetched = planned.filter(({ isDefaultImage }) => isDefaultImage);
  if (!hasInternet && fetched.length > 0) {
    problems.push(
      `egress: expected Egress.nat() or Egress.publicAddresses() with the image of ${fetched.map(({ name }) => name).join(' and ')}, which is on Docker Hub, got Egress.endpoints(); or give an image in a registry of AWS`,
    );
  }
  return problems;
}

type Fields = Readonly<Record<string, unknown>>;

function wholeProblem(prop: string, value: unknown, least: number, why: string): string[] {
  if (value === undefined) return [];
  if (typeof value === 'number' && Number.isInteger(value) && value >= least) return [];
  return [`${prop}: expected a whole number of at least ${least}${why}, got ${got(value)}`];
}
