// The grants of a credential as command line options.
import { type Command, InvalidArgumentError } from 'commander';
import { checkAddressPattern, type Grants, type Rate, TOPIC_ARN } from '../../policy/index.ts';
import { isNetwork } from '../../policy/index.ts';
import { objectPrefix } from '../../config/schema/common.ts';
import { parseDuration, parseSize } from '../../config/units.ts';

export interface GrantOptions {
  readonly sender?: readonly string[];
  readonly recipient?: readonly string[];
  readonly cidr?: readonly string[];
  readonly maxMessageSize?: number;
  readonly messages?: Limit;
  readonly volume?: Limit;
  readonly prefix?: string;
  readonly topicArn?: string;
  readonly expires?: Date;
  readonly note?: string;
}

interface Limit {
  readonly amount: number;
  readonly periodSeconds: number;
}

export function withGrantOptions(command: Command): Command {
  return command
    .option(
      '--sender <pattern>',
      'may send as this address, *@domain or *@*.domain (repeatable)',
      collectPattern,
    )
    .option(
      '--recipient <pattern>',
      'may send to this address or pattern (repeatable)',
      collectPattern,
    )
    .option('--cidr <network>', 'may sign in from this network (repeatable)', collectNetwork)
    .option('--max-message-size <size>', 'largest message, for example 10MB', parseSizeOption)
    .option('--messages <n/period>', 'messages in a period, for example 100/1h', parseMessages)
    .option('--volume <size/period>', 'octets in the same period, for example 50MB/1h', parseVolume)
    .option('--prefix <prefix>', 'the key prefix of its mail in the bucket', parsePrefix)
    .option('--topic-arn <arn>', 'the topic for its mail', parseTopicArn)
    .option('--expires <when>', 'when it expires, for example 90d or 2027-01-31', parseMoment)
    .option('--note <text>', 'who or what it is for');
}

/** `undefined` where the two rates have different periods. */
export function grantsOfOptions(options: GrantOptions): Grants | undefined {
  const { sender, recipient, cidr, maxMessageSize, messages, volume, prefix, topicArn } = options;
  if (messages && volume && messages.periodSeconds !== volume.periodSeconds) return undefined;
  const periodSeconds = messages?.periodSeconds ?? volume?.periodSeconds;
  const rate: Rate | undefined =
    periodSeconds === undefined
      ? undefined
      : {
          periodSeconds,
          ...(messages && { messages: messages.amount }),
          ...(volume && { octets: volume.amount }),
        };
  return {
    ...(sender && { allowedSenders: sender }),
    ...(recipient && { allowedRecipients: recipient }),
    ...(cidr && { allowedCidrs: cidr }),
    ...(maxMessageSize !== undefined && { maxMessageSize }),
    ...(rate && { rate }),
    ...(prefix !== undefined && { prefix }),
    ...(topicArn !== undefined && { topicArn }),
  };
}

/** `"90d"` from now, or a date, or a date and time. */
export function parseMoment(text: string): Date {
  const seconds = /^\d/.test(text) && /[smhd]$/.test(text) ? parseDuration(text) : undefined;
  const moment = seconds === undefined ? Date.parse(text) : Date.now() + seconds * 1000;
  if (!Number.isFinite(moment) || !/^\d{4}-|[smhd]$/.test(text)) {
    throw new InvalidArgumentError('expected a time from now like 90d, or a date like 2027-01-31');
  }
  return new Date(moment);
}

function collectPattern(text: string, before: readonly string[] = []): string[] {
  const wrong = checkAddressPattern(text);
  if (wrong !== undefined) throw new InvalidArgumentError(wrong);
  return [...before, text];
}

function collectNetwork(text: string, before: readonly string[] = []): string[] {
  if (!isNetwork(text)) {
    throw new InvalidArgumentError('expected an address or a network like 192.0.2.0/24');
  }
  return [...before, text];
}

function parseSizeOption(text: string): number {
  const size = parseSize(/^\d+$/.test(text) ? Number(text) : text);
  if (size === undefined || size < 1) {
    throw new InvalidArgumentError('expected a size like 10MB, or a number of octets');
  }
  return size;
}

function parseMessages(text: string): Limit {
  return parseLimit(text, 'like 100/1h', (amount) =>
    /^\d{1,9}$/.test(amount) ? Number(amount) : undefined,
  );
}

function parseVolume(text: string): Limit {
  return parseLimit(text, 'like 50MB/1h', (amount) => parseSize(amount));
}

function parseLimit(
  text: string,
  example: string,
  parseAmount: (amount: string) => number | undefined,
): Limit {
  const [amountText = '', period = '', ...rest] = text.split('/');
  const amount = parseAmount(amountText);
  const periodSeconds = parseDuration(period);
  if (!amount || !periodSeconds || periodSeconds < 1 || rest.length > 0) {
    throw new InvalidArgumentError(
      `expected an amount and a period of a second or more, ${example}`,
    );
  }
  return { amount, periodSeconds };
}

function parsePrefix(text: string): string {
  const parsed = objectPrefix.safeParse(text);
  if (!parsed.success) {
    throw new InvalidArgumentError(`expected ${parsed.error.issues[0]?.message}`);
  }
  return text;
}

function parseTopicArn(text: string): string {
  if (!TOPIC_ARN.test(text)) {
    throw new InvalidArgumentError(
      'expected the ARN of a topic like arn:aws:sns:eu-west-1:111122223333:mail',
    );
  }
  return text;
}
