// Profiles: other defaults for settings, all at once. What is given explicitly counts more.
import { isRecord } from '../bridge/given-value.ts';

export type Profile = 'standard' | 'small';

/** The settings whose default is another one, by name. */
export const PROFILES: Readonly<Record<Profile, Readonly<Record<string, unknown>>>> = {
  standard: {},
  small: {
    egress: 'public',
    zones: 1,
    cpu: 256,
    memoryMiB: 512,
    maximumTasks: 1,
    monitoring: 'basic',
  },
};

/** Limits of the program that fit into the memory of a task; those of the standard profile are the program's own. */
const LIMITS: Readonly<Record<Profile, Readonly<Record<string, unknown>>>> = {
  standard: {},
  small: { memory: '128MB', maxConnections: 1000 },
};

/** The program's configuration with the limits of the profile, unless it has its own. */
export function withLimitsOf(
  profile: Profile,
  config: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const limits = LIMITS[profile];
  if (Object.keys(limits).length === 0) return config;
  const given = config['limits'];
  return { ...config, limits: isRecord(given) ? { ...limits, ...given } : (given ?? limits) };
}
