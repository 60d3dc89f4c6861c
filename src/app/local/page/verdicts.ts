// The verdicts of a notification, each with its reason in words.
import type { ReceivedNotification } from '../../../bridge/index.ts';
import type { MailDetail, ShownVerdict } from './shapes.ts';

const VERDICTS = [
  ['spf', 'spfVerdict'],
  ['dkim', 'dkimVerdict'],
  ['dmarc', 'dmarcVerdict'],
  ['spam', 'spamVerdict'],
  ['virus', 'virusVerdict'],
] as const;

const MEANING: Readonly<Record<string, string>> = {
  PASS: 'passed',
  FAIL: 'failed',
  GRAY: 'not checked, or nothing to say',
  PROCESSING_FAILED: 'the check could not be finished',
};

/** The reason is what Authentication-Results and Received-SPF say, where the server checked. */
export function showVerdicts(
  { receipt }: ReceivedNotification,
  headers: MailDetail['headers'],
): ShownVerdict[] {
  const ours = headers.slice(0, TRACE_FIELDS);
  const results = valueOf(ours, 'authentication-results');
  const spf = valueOf(ours, 'received-spf');
  return VERDICTS.map(([name, member]) => {
    const { status } = receipt[member];
    // One clause for each result: RFC 8601 section 2.2.
    const clauses = results.split(';').filter((each) => each.trim().startsWith(`${name}=`));
    const details = clauses.map((each) => each.trim());
    if (name === 'spf' && spf !== '') details.push(`Received-SPF: ${spf}`);
    return { name, status, why: [MEANING[status] ?? '', ...details].filter(Boolean).join(' · ') };
  });
}

/** The server's are in front; what stands behind them is the sender's word. */
const TRACE_FIELDS = 4;

function valueOf(headers: MailDetail['headers'], name: string): string {
  return headers.find((field) => field.name.toLowerCase() === name)?.value ?? '';
}
