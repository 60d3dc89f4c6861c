import { Command } from 'commander';
import { type DescribedMail, describeMail, findMail, type MimePart } from '../../archive/index.ts';
import type { CliContext } from '../frame/context.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import { printableJson, printableLines } from '../../app/printable.ts';
import { createOutput, renderSize } from './output.ts';
import { readMails } from './selection-options.ts';
import {
  type RestoreCliOptions,
  withReadableArchive,
  withRestoreOptions,
} from './restore-options.ts';
import { createUnreadableReport } from './unreadable-report.ts';

interface ShowOptions extends ArchiveOptions, RestoreCliOptions {
  readonly headers?: true;
}

export function showCommand(context: CliContext): Command {
  return withRestoreOptions(withArchiveOptions(new Command('show')))
    .description('show one mail: envelope, header fields, structure, text, attachments')
    .argument('<mail>', 'its messageId or key')
    .option('--headers', 'every header field, not only the usual ones')
    .action(async (mail: string, options: ShowOptions) => {
      readMails([mail]);
      await withReadableArchive(context, options, async (archive) => {
        const { key } = await findMail(archive, archive.prefixes, mail);
        const described = await describeMail(archive, key);
        const output = createOutput(context.stdout);
        await output.write(
          options.json
            ? `${printableJson(mailJson(described))}\n`
            : printableLines(renderMail(described, options.headers === true)),
        );
        await output.end();
        const unreadable = createUnreadableReport(context);
        if (described.unreadable !== undefined) unreadable.add(described.unreadable);
        unreadable.finish();
      });
    });
}

function mailJson({ unreadable, ...mail }: DescribedMail): object {
  if (unreadable === undefined) return mail;
  const { fault, message } = unreadable;
  return { ...mail, unreadable: { fault, reason: message } };
}

const USUAL = new Set(['date', 'from', 'sender', 'reply-to', 'to', 'cc', 'subject', 'message-id']);

function renderMail(mail: DescribedMail, allHeaders: boolean): string {
  const { key, sizeInOctets, record, headers, structure, unparsable, text, attachments } = mail;
  const lines = [`Key         ${key}`, `Size        ${renderSize(sizeInOctets)}`];
  if (record !== undefined) {
    const { member, receivedAt, verdicts } = record;
    const { envelope, client, tls, authenticated, listener } = member;
    const { dmarcPolicy: _, ...statuses } = verdicts;
    lines.push(
      `Received    ${receivedAt} by ${listener} from ${client.helo} [${client.address}]`,
      `TLS         ${tls === null ? 'none' : `${tls.version} ${tls.cipher}`}`,
      `Signed in   ${authenticated?.username ?? 'no'}`,
      `Envelope    ${envelope.reversePath ?? '<>'}`,
      ...envelope.recipients.map(({ forwardPath }) => `            → ${forwardPath}`),
      `Verdicts    ${Object.entries(statuses)
        .map(([name, status]) => `${name} ${status}`)
        .join(', ')}`,
    );
  }
  const shown = headers.filter(({ name }) => allHeaders || USUAL.has(name.toLowerCase()));
  lines.push('', ...shown.map(({ name, value }) => `${name}: ${value}`));
  if (structure !== undefined) lines.push('', ...renderPart(structure, 0));
  if (unparsable !== undefined) lines.push('', `Structure   not parsed: ${unparsable}`);
  if (attachments.length > 0) {
    lines.push(
      '',
      ...attachments.map((attachment) => `Attachment  ${renderAttachment(attachment)}`),
    );
  }
  lines.push('', text.trimEnd(), '');
  return lines.join('\n');
}

function renderPart({ contentType, children }: MimePart, depth: number): string[] {
  return [
    `${depth === 0 ? 'Structure   ' : ' '.repeat(12 + 2 * depth)}${contentType}`,
    ...children.flatMap((child) => renderPart(child, depth + 1)),
  ];
}

function renderAttachment({
  filename = '(no name)',
  contentType,
  sizeInOctets,
}: DescribedMail['attachments'][number]): string {
  return `${filename}  ${contentType}  ${renderSize(sizeInOctets)}`;
}
