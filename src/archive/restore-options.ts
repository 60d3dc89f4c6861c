// How mail is brought back from cold storage.

export interface RestoreOptions {
  /** How fast, and at which price. */
  readonly tier: RestoreTier;
  /** How long the copy stays that S3 makes. S3 Intelligent-Tiering makes none: the mail itself comes back. */
  readonly days: number;
}

export const RESTORE_TIERS = ['standard', 'bulk', 'expedited'] as const;
export type RestoreTier = (typeof RESTORE_TIERS)[number];
