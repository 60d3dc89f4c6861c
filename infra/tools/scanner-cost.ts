// What the scanners cost: the containers by the templates, GuardDuty by its prices. The tables of README.md.
import { ASSUMPTIONS, dollars } from './cost.ts';
import { idleCost, synthesize, totalOf } from './idle-cost.ts';
import { PRICES } from './prices.ts';

const MILLION = 1e6;

/** What a month of the default deployment costs more with these settings, before any mail. */
export function scannerCost(settings: Readonly<Record<string, string>>): number {
  const [without, more] = [{}, settings].map((given) => {
    const { data, service } = synthesize({ hostname: 'mx.example.com', ...given });
    return totalOf(idleCost([data, service]));
  });
  return (more ?? 0) - (without ?? 0);
}

/** A million mails of the mean size: the scan, the read, and the tag with a month of keeping it. */
export function malwareProtectionCost(messageOctets: number = ASSUMPTIONS.messageOctets): number {
  const gigabytes = (MILLION * messageOctets) / 1e9;
  return (
    PRICES.malwareObjects +
    gigabytes * PRICES.malwareGigabyte +
    PRICES.s3Get +
    PRICES.s3Put +
    PRICES.objectTags
  );
}

/** The table of README.md. */
export function renderScannerTable(): string {
  const rows = [
    ['`scanners=spam`', `${dollars(scannerCost({ scanners: 'spam' }))} a month`],
    ['`scanners=virus`', `${dollars(scannerCost({ scanners: 'virus' }))} a month`],
    ['`scanners=spam,virus`', `${dollars(scannerCost({ scanners: 'spam,virus' }))} a month`],
    ['`malwareProtection=true`', `${dollars(malwareProtectionCost())} a million messages of 50 KB`],
  ];
  const head = ['Setting', 'Costs more'];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
