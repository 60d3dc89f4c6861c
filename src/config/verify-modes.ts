// What is checked on one listener: its own settings, else those of the section `verify`, else the default.
import type { Configuration, ListenerConfiguration } from './schema.ts';

type Verify = Configuration['verify'];

/** The checks of a client that has not signed in. */
export interface VerifyModes {
  readonly spf: NonNullable<Verify['spf']>;
  readonly dkim: NonNullable<Verify['dkim']>;
  readonly dmarc: NonNullable<Verify['dmarc']>;
  readonly arc: NonNullable<Verify['arc']>;
  readonly lists: Verify['lists'];
}

const NOTHING: VerifyModes = { spf: 'off', dkim: 'off', dmarc: 'off', arc: 'off', lists: [] };

/** Where clients must sign in, nobody is left to check. */
export function verifyModesOf(
  verify: Verify,
  { auth, verify: own = {} }: Pick<ListenerConfiguration, 'auth' | 'verify'>,
): VerifyModes {
  if (auth === 'required') return NOTHING;
  return {
    spf: own.spf ?? verify.spf ?? 'mark',
    dkim: own.dkim ?? verify.dkim ?? 'mark',
    dmarc: own.dmarc ?? verify.dmarc ?? 'mark',
    arc: own.arc ?? verify.arc ?? 'mark',
    lists: own.lists ?? verify.lists,
  };
}

/** Whether a listener asks DNS about senders. */
export function checksSenders({ spf, dkim, dmarc, arc, lists }: VerifyModes): boolean {
  return lists.length > 0 || [spf, dkim, dmarc, arc].some((mode) => mode !== 'off');
}

/** The settings, as paths, by which a listener refuses mail for its sender. */
export function refusingSettings({ spf, dmarc, lists }: VerifyModes): string[] {
  return [
    ...(spf === 'reject' ? ['spf'] : []),
    ...(dmarc === 'reject' ? ['dmarc'] : []),
    ...(lists.some(({ action }) => action === 'reject') ? ['lists'] : []),
  ];
}
