// A credential as people and programs may see it: everything but what checks its secrets.
import { type Credential, isInForce } from '../../credentials/index.ts';

export function stateOf(credential: Credential, now: number): 'enabled' | 'disabled' | 'expired' {
  if (!credential.enabled) return 'disabled';
  return isInForce(credential, now) ? 'enabled' : 'expired';
}

/** For `--json`; dates become ISO 8601 text, and what is absent is left out. */
export function describeCredential(credential: Credential, now: number): object {
  const { username, version, secrets, grants, createdAt, expiresAt, lastUsedAt, note } = credential;
  return {
    username,
    state: stateOf(credential, now),
    note,
    createdAt,
    expiresAt,
    lastUsedAt,
    version,
    secrets: secrets.map(({ kind, scram, createdAt: madeAt, expiresAt: endsAt }) => ({
      kind,
      scram: scram !== undefined,
      createdAt: madeAt,
      expiresAt: endsAt,
    })),
    tokenIssuers: credential.tokenIssuers,
    tokenName: credential.tokenName,
    ...grants,
  };
}

/** Lines of name and value. */
export function describeInLines(credential: Credential, now: number): [string, string][] {
  const { username, secrets, grants, createdAt, expiresAt, lastUsedAt, note } = credential;
  const { tokenIssuers, tokenName } = credential;
  const { rate } = grants;
  const lines: [string, string | undefined][] = [
    ['username', username],
    ['state', stateOf(credential, now)],
    ['note', note],
    ['created', minute(createdAt)],
    ['expires', expiresAt && minute(expiresAt)],
    ['last used', lastUsedAt ? minute(lastUsedAt) : 'never, or not noted'],
    ...secrets.map(({ kind, scram, createdAt: madeAt, expiresAt: endsAt }): [string, string] => [
      'secret',
      [
        `${kind} ${day(madeAt)}`,
        scram === undefined ? 'not for SCRAM' : undefined,
        endsAt && `until ${minute(endsAt)}`,
      ]
        .filter((part) => part !== undefined)
        .join(', '),
    ]),
    ...(secrets.length === 0 ? [['secret', 'none: signs in by token'] as [string, string]] : []),
    [
      'tokens of',
      tokenIssuers?.join(' ') ?? (secrets.length === 0 ? 'every configured issuer' : undefined),
    ],
    ['token name', tokenName],
    ['may send as', grants.allowedSenders?.join(' ')],
    ['may send to', grants.allowedRecipients?.join(' ')],
    ['from networks', grants.allowedCidrs?.join(' ')],
    ['message size', grants.maxMessageSize?.toLocaleString('en')],
    [
      'rate',
      rate &&
        [
          rate.messages === undefined ? undefined : `${rate.messages} messages`,
          rate.octets === undefined ? undefined : `${rate.octets.toLocaleString('en')} octets`,
        ]
          .filter((part) => part !== undefined)
          .join(' and ')
          .concat(` in ${rate.periodSeconds} s`),
    ],
    ['prefix', grants.prefix],
    ['topic', grants.topicArn],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== undefined);
}

/** `2026-11-23`. */
export function day(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}

function minute(moment: Date): string {
  return `${moment.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
