export interface Machine {
  /** The folder `node_modules`. */
  readonly modules: string;
  readonly platform: string;
  readonly architecture: string;
  readonly execPath: string;
  readonly version: string;
}

export function findRuntime(
  machine: Machine,
): { readonly node: string } | { readonly problem: string };

export function requireRuntime(root: string): string;

export function systemProblem(
  machine: Pick<Machine, 'platform' | 'architecture' | 'version'>,
): string | undefined;

export function requireSystem(): void;
