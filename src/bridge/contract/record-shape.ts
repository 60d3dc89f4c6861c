// The fields of a record that its readers rely on. What a copying tool or a hand made of the metadata is found here, and
// not as a TypeError somewhere behind.

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isObject: Check = (value) => typeof value === 'object' && value !== null;
const isDate: Check = (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value));
const isDigest: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

function isOptional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

function isNullable(check: Check): Check {
  return (value) => value === null || check(value);
}

const isRecipient: Check = (value) => isText(fieldOf(value, ['forwardPath']));

/** What is acted on is checked: whether the sender is proved. */
const isSender: Check = (value) =>
  isNullable((said) => typeof said === 'boolean')(fieldOf(value, ['authenticated'])) &&
  isText(fieldOf(value, ['dmarc'])) &&
  Array.isArray(fieldOf(value, ['dkim']));

const FIELDS: readonly (readonly [path: string, expected: string, check: Check])[] = [
  ['receivedAt', 'a time', isDate],
  ['processingTimeMillis', 'a number', isCount],
  ['topicArn', 'a string', isText],
  ['verdicts.spam', 'a string', isText],
  ['verdicts.virus', 'a string', isText],
  ['verdicts.spf', 'a string', isText],
  ['verdicts.dkim', 'a string', isText],
  ['verdicts.dmarc', 'a string', isText],
  ['member.envelope.reversePath', 'a string or null', isNullable(isText)],
  ['member.envelope.parameters', 'an object', isObject],
  [
    'member.envelope.recipients',
    'recipients with a forwardPath',
    (value) => Array.isArray(value) && value.every(isRecipient),
  ],
  ['member.client.address', 'a string', isText],
  ['member.client.helo', 'a string', isText],
  ['member.tls', 'an object or null', isNullable(isObject)],
  ['member.authenticated', 'an object or null', isNullable(isObject)],
  ['member.listener', 'a string', isText],
  ['member.sha256', '64 hexadecimal digits', isDigest],
  ['member.size', 'a number of octets', isCount],
  ['member.storedSha256', '64 hexadecimal digits', isOptional(isDigest)],
  ['member.storedSize', 'a number of octets', isOptional(isCount)],
  ['member.traceHeaderSize', 'a number of octets', isCount],
  ['member.sender', 'findings of the sender', isOptional(isSender)],
  ['member.scan', 'an object', isOptional(isObject)],
  ['member.lists', 'a list', isOptional(Array.isArray)],
  ['member.quarantine', 'a string', isOptional(isText)],
];

/** The first field that is not as it should be, as `member.size: a number of octets`; `undefined` where all are. */
export function missingInRecord(record: object): string | undefined {
  for (const [path, expected, check] of FIELDS) {
    if (!check(fieldOf(record, path.split('.')))) return `${path} to be ${expected}`;
  }
  return undefined;
}

function fieldOf(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}
