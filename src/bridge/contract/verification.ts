import type { Verification } from '../../verify/index.ts';

export type { Verification };

/** The results where nothing was checked. */
export const notVerified: Verification = {
  spam: 'GRAY',
  virus: 'GRAY',
  spf: 'GRAY',
  dkim: 'GRAY',
  dmarc: 'GRAY',
  results: [],
};
