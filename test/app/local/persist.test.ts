// `mailsluice local --persist`: what one run has stored the next one has, and what SQS had not delivered it delivers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MailDetail, MailSummary } from '../../../src/app/local/page/shapes.ts';
import { LocalProcess } from '../../support/local.ts';
import { ask, send } from './page/page-client.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'persist-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function run<T>(
  args: readonly string[],
  act: (program: LocalProcess) => Promise<T>,
): Promise<T> {
  const program = await LocalProcess.start({}, args);
  try {
    return await act(program);
  } finally {
    expect(await program.stop()).toBe(0);
  }
}

const list = async (program: LocalProcess): Promise<MailSummary[]> =>
  (await ask<{ mails: MailSummary[] }>(program, '/api/mails')).mails;

test('objects, notifications, the list and the sign-in survive a restart, and what was deleted stays deleted', {
  timeout: 120_000,
}, async () => {
  const args = ['--persist', join(folder, 'kept')];
  const [kept, gone] = await run(args, async (program) => {
    const first = await send(program, {
      to: 'kept@example.com',
      subject: 'kept',
      text: 'kept text',
    });
    const second = await send(program, { to: 'gone@example.com', subject: 'gone' });
    await ask(program, `/api/mails/${second}`, { method: 'DELETE' });
    expect(await list(program)).toHaveLength(1);
    return [first, second];
  });
  await run(args, async (program) => {
    await expect.poll(async () => (await list(program)).map(({ id }) => id)).toEqual([kept]);
    expect(await ask<MailDetail>(program, `/api/mails/${kept}`)).toMatchObject({
      subject: 'kept',
      recipients: ['kept@example.com'],
      text: expect.stringContaining('kept text'),
      notification: { mail: { messageId: kept } },
    });
    await expect(ask(program, `/api/mails/${gone}`)).rejects.toThrow('404');
    const { object, notification } = await program.mailFor('kept@example.com');
    expect(object.toString()).toContain('kept text');
    expect(notification.mail.messageId).toBe(kept);
    // The password is another one now, and the demo user is one of both runs.
    const later = await send(program, { subject: 'later' }, 'submission');
    await expect.poll(async () => (await list(program)).map(({ id }) => id)).toEqual([later, kept]);
  });
});

test('without the option the next start is empty', { timeout: 60_000 }, async () => {
  await run([], async (program) => {
    await send(program, { subject: 'forgotten' });
    expect(await list(program)).toHaveLength(1);
  });
  await run([], async (program) => {
    expect(await list(program)).toEqual([]);
    expect(await program.keys()).toEqual([]);
  });
});
