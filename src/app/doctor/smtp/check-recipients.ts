// Who may send what to whom without sign-in. RCPT is as far as it goes: no message is sent.
import { randomBytes } from 'node:crypto';
import { type Finding, ok, shown } from '../finding.ts';
import type { Role } from '../subject.ts';
import { type Heard, heardText, isPositive } from './connection.ts';
import type { Conversation } from './conversation.ts';

/** The addresses that are asked. */
export interface Probes {
  /** An address of a domain that is nobody's mail domain (RFC 2606 section 3). */
  readonly foreign: string;
  readonly domains: readonly {
    readonly domain: string;
    /** Nobody has this address. */
    readonly invented: string;
    readonly postmaster: string;
  }[];
}

export function makeProbes(domains: readonly string[]): Probes {
  const token = randomBytes(6).toString('hex');
  return {
    foreign: `doctor-${token}@example.org`,
    domains: domains.map((domain) => ({
      domain,
      invented: `no-such-address-${token}@${domain}`,
      postmaster: `postmaster@${domain}`,
    })),
  };
}

export function addressesOf({ foreign, domains }: Probes): string[] {
  return [foreign, ...domains.flatMap(({ invented, postmaster }) => [invented, postmaster])];
}

/** Whether MAIL without sign-in is answered as the port's purpose demands. */
export function checkSender(
  { role, port }: { readonly role: Role; readonly port: number },
  { sender }: Conversation,
): Finding[] {
  if (sender === undefined) return [];
  const reply = shown(heardText(sender));
  if (role !== 'mx') {
    if (!isPositive(sender)) return [ok(`port ${port} takes no mail without sign-in: ${reply}`)];
    return [
      {
        level: 'failed',
        found: `port ${port} takes mail without sign-in`,
        why: 'anybody can send through it',
        fix: 'give the listener "auth": "required"',
      },
    ];
  }
  if (isPositive(sender)) return [];
  if (sender.kind === 'reply' && sender.code === 530) {
    return [
      {
        level: 'failed',
        found: `port ${port} takes no mail without sign-in: ${reply}`,
        why: 'other servers cannot deliver',
        fix: 'give the listener "auth": "none" or "optional"',
      },
    ];
  }
  return [
    {
      level: 'failed',
      found: `port ${port} takes no mail now: ${reply}`,
      why: 'other servers keep the mail and try again for some days',
      fix: 'look at the alarms and the log of the service; infra/RUNBOOK.md has an article for each alarm',
    },
  ];
}

const NOT_ASKED: Heard = { kind: 'silence', reason: 'the session ended before' };

/** An open relay, catch-all domains, and postmaster. */
export function checkRecipients(
  port: number,
  { foreign, domains }: Probes,
  { recipients }: Conversation,
): Finding[] {
  if (recipients === undefined) return [];
  const replyTo = (address: string): Heard =>
    recipients.find(({ recipient }) => recipient === address)?.reply ?? NOT_ASKED;
  return [
    ...judge(replyTo(foreign), foreign, {
      accepted: {
        level: 'failed',
        found: `port ${port} takes mail for every domain on earth`,
        why: 'it relays nothing, but stores and announces all of it at your cost, and is taken for an open relay',
        fix: `set "routes" to your domains: [{ "recipients": [${routesOf(domains)}] }]`,
      },
      refused: (reply) => ok(`port ${port} refuses mail for other domains: ${reply}`),
    }),
    ...domains.flatMap(({ domain, invented, postmaster }) => [
      ...judge(replyTo(invented), invented, {
        accepted: {
          level: 'note',
          found: `every address of ${domain} is accepted (catch-all)`,
          why: 'mail to invented addresses is stored and announced too',
          fix: `list the addresses in "routes" if that is not meant: [{ "recipients": ["NAME@${domain}", "postmaster@${domain}"] }]`,
        },
        refused: (reply) => ok(`${domain} refuses addresses that do not exist: ${reply}`),
      }),
      ...judge(replyTo(postmaster), postmaster, {
        accepted: ok(`${postmaster} is accepted`),
        refused: (reply) => ({
          level: 'warning',
          found: `${postmaster} is refused: ${reply}`,
          why: 'every mail domain must accept it (RFC 5321 section 4.5.1), and its administrators are reached there',
          fix: `add { "recipients": ["postmaster@${domain}"] } to "routes"`,
        }),
      }),
    ]),
  ];
}

function judge(
  reply: Heard,
  address: string,
  outcomes: { readonly accepted: Finding; readonly refused: (reply: string) => Finding },
): Finding[] {
  if (isPositive(reply)) return [outcomes.accepted];
  const text = shown(heardText(reply));
  if (reply.kind === 'reply' && reply.code >= 500) return [outcomes.refused(text)];
  return [
    {
      level: 'unknown',
      found: `the server does not decide about ${address}: ${text}`,
      why: 'whether it accepts the address is not known',
      fix: 'run the command again in a minute',
    },
  ];
}

function routesOf(domains: Probes['domains']): string {
  const names = domains.length === 0 ? ['YOUR-DOMAIN'] : domains.map(({ domain }) => domain);
  return names.map((domain) => `"*@${domain}"`).join(', ');
}
