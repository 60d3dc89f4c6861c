// The client of `mailsluice/testing` against a running `mailsluice local`.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { clearMails, MailTimeoutError, readMail, waitForMail } from '../../src/testing/index.ts';
import { send } from '../app/local/page/page-client.ts';
import { LocalProcess } from '../support/local.ts';

let program: LocalProcess;
let page: string;
beforeAll(async () => {
  program = await LocalProcess.start();
  ({ page } = program.ready);
});
afterAll(() => program.stop());
beforeEach(() => clearMails({ page }));

test('waitForMail gives a mail that comes later, with its text, HTML, headers and attachments', async () => {
  const waiting = waitForMail({ to: 'Ann@example.com', subject: 'welcome', page });
  await send(program, { to: 'other@example.com', subject: 'Welcome', text: 'x' });
  const id = await send(program, {
    to: 'ann@example.com',
    subject: 'Welcome, Ann',
    text: 'the text',
    html: '<p>the html</p>',
    attachments: [{ filename: 'a.bin', content: Buffer.from([0, 255, 10, 13]) }],
  });
  const mail = await waiting;
  expect(mail).toMatchObject({
    id,
    source: 'a@client.example',
    recipients: ['ann@example.com'],
    subject: 'Welcome, Ann',
    html: expect.stringContaining('<p>the html</p>'),
    notification: { mail: { messageId: id } },
  });
  expect(mail.text.trim()).toBe('the text');
  expect(mail.receivedAt).toBeInstanceOf(Date);
  expect(mail.headers).toContainEqual({ name: 'Subject', value: 'Welcome, Ann' });
  expect(mail.attachments).toMatchObject([{ filename: 'a.bin', sizeInOctets: 4 }]);
  expect(await mail.attachments[0]?.read()).toEqual(Buffer.from([0, 255, 10, 13]));
});

test('waitForMail gives the same mail again, and with after only a later one', async () => {
  const first = await send(program, { to: 'ann@example.com', subject: 'one', text: 'x' });
  for (let times = 0; times < 2; times++) {
    expect((await waitForMail({ to: 'ann@example.com', page })).id).toBe(first);
  }
  const second = await send(program, { to: 'ann@example.com', subject: 'two', text: 'x' });
  expect((await waitForMail({ to: 'ann@example.com', after: first, page })).id).toBe(second);
});

test('waitForMail says which mail did not come', async () => {
  const error = await waitForMail({
    ...{ to: 'nobody@example.com', subject: 'x', timeout: 0, page },
  }).catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(MailTimeoutError);
  expect(error).toMatchObject({
    message: 'expected a mail to "nobody@example.com", subject "x" within 0 s, got none',
  });
});

test('clearMails deletes what is there, and readMail says so', async () => {
  const id = await send(program, { text: 'x' });
  expect(await readMail(id, { page })).toMatchObject({ id, html: '' });
  await clearMails({ page });
  expect(await program.keys()).toEqual([]);
  await expect(readMail(id, { page })).rejects.toThrow('404');
});
