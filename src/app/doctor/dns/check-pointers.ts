import { type Finding, ok } from '../finding.ts';
import type { Subject } from '../subject.ts';
import type { DnsLookups } from './lookups.ts';
import { reverseName } from './reverse-name.ts';
import { undecided } from './undecided.ts';

const WHY =
  'programs that check who they are connected to, and some blocklists, distrust such an address';

/** The PTR record of an address of the host. */
export async function checkPointers(
  dns: DnsLookups,
  { host, addresses, commands }: Pick<Subject, 'host' | 'addresses' | 'commands'>,
  address: string,
): Promise<Finding[]> {
  const name = reverseName(address);
  const lookup = await dns.pointers(name);
  if (lookup.kind === 'failed') return [undecided('PTR', name, lookup.code)];
  const ofStack = addresses.includes(address) ? commands['ReverseDnsCommand'] : undefined;
  const fix = ofStack ?? pointerCommand(host, address);
  if (lookup.kind === 'none') {
    return [{ level: 'warning', found: `${address} has no PTR record`, why: WHY, fix }];
  }
  if (!lookup.records.some((record) => record.toLowerCase() === host)) {
    return [
      {
        level: 'warning',
        found: `the PTR record of ${address} is ${lookup.records.join(', ')}, not ${host}`,
        why: WHY,
        fix,
      },
    ];
  }
  return [ok(`the PTR record of ${address} is ${host}`)];
}

/** AWS takes the name only once the host's own A record names the address. */
function pointerCommand(host: string, address: string): string {
  if (address.includes(':')) return `ask the owner of the network of ${address} for the record`;
  return `aws ec2 modify-address-attribute --domain-name ${host} --allocation-id "$(aws ec2 describe-addresses --public-ips ${address} --query 'Addresses[0].AllocationId' --output text)"`;
}
