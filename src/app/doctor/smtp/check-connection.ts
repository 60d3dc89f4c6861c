import { isIP } from 'node:net';
import { type Finding, ok, shown } from '../finding.ts';
import type { Role } from '../subject.ts';
import { heardText, isPositive } from './connection.ts';
import type { Conversation } from './conversation.ts';

/** Where one conversation took place. */
export interface Place {
  readonly role: Role;
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** Another port of the same address took a connection. */
  readonly othersAnswer: boolean;
}

const LOOK_AT_SERVICE =
  'look at the tasks of the service and their log: aws ecs describe-services --cluster CLUSTER --services SERVICE --query "services[0].events[:5].message"';

/** Whether the port takes connections and speaks SMTP. A port without an answer is never called closed. */
export function checkConnection(
  place: Place,
  { refused, handshake, greeting }: Conversation,
): Finding[] {
  const { host, address, port } = place;
  const where = `port ${port} of ${address}`;
  if (refused !== undefined) return [unreached(place, shown(refused.reason))];
  if (handshake !== undefined && greeting === undefined) {
    return [
      {
        level: 'failed',
        found: `${where} takes the connection, and TLS fails: ${shown(handshake.reason)}`,
        why: 'no client can use this port',
        fix: `openssl s_client -connect ${address}:${port} -servername ${host}`,
      },
    ];
  }
  if (greeting === undefined || greeting.kind === 'silence') {
    return [
      {
        level: 'failed',
        found: `${where} takes the connection and does not greet: ${shown(greeting?.reason ?? 'the check ended before')}`,
        why: 'the load balancer answers, and no task behind it does',
        fix: LOOK_AT_SERVICE,
      },
    ];
  }
  if (!isPositive(greeting)) {
    return [
      {
        level: 'failed',
        found: `${where} turns clients away: ${shown(heardText(greeting))}`,
        why: 'no mail is taken',
        fix: LOOK_AT_SERVICE,
      },
    ];
  }
  const name = shown((greeting.lines[0] ?? '').split(' ')[0] ?? '');
  // An address has no name to compare with.
  if (isIP(host) === 0 && name.toLowerCase() !== host) {
    return [
      {
        level: 'warning',
        found: `${where} greets as ${name}, not as ${host}`,
        why: 'another server answers, or the setting "hostname" differs from the name in DNS',
        fix: `deploy with -c hostname=${host}`,
      },
    ];
  }
  return [ok(`${where} greets as ${name}`)];
}

function unreached({ address, port, role, othersAnswer }: Place, reason: string): Finding {
  if (role !== 'mx' && othersAnswer) {
    return {
      level: 'warning',
      found: `port ${port} of ${address} cannot be reached from here (${reason}), and another port of the address can`,
      why: 'unless this network blocks the port, mail programs cannot send through it',
      fix: 'check that the load balancer has a listener for the port: aws elbv2 describe-listeners --load-balancer-arn ARN',
    };
  }
  return {
    level: 'unknown',
    found: `port ${port} of ${address} is not testable from here (${reason})`,
    why:
      port === 25
        ? 'many networks block connections to port 25 outside, so this says nothing about the server'
        : 'the reason can be this network as well as the server',
    fix: 'run the same command in another network; EC2 blocks port 25 too',
  };
}
