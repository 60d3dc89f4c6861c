// The page in Debian's Chromium: what a developer does with it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import { createTransport } from 'nodemailer';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchBrowser, missingBrowser } from '../../../support/browser.ts';
import { LocalProcess } from '../../../support/local.ts';
import { TestClient } from '../../../support/smtp-client.ts';
import { ask, send } from './page-client.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const reason = missingBrowser();
describe.skipIf(reason !== undefined)(`the page in Chromium${reason ? ` (${reason})` : ''}`, () => {
  let folder: string;
  let program: LocalProcess;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let problems: string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'page-'));
    const handler = join(folder, 'handler.mjs');
    writeFileSync(
      handler,
      `let runs = 0;
      export const handler = async ({ Records: [{ body }] }) => {
        const { mail } = JSON.parse(JSON.parse(body).Message);
        console.log('run', ++runs, 'of', mail.commonHeaders.subject);
        if (mail.commonHeaders.subject.includes('poison')) throw new TypeError('cannot digest it');
        return { batchItemFailures: [], said: mail.commonHeaders.subject };
      };`,
    );
    program = await LocalProcess.start({}, ['--handler', handler, '--attempts', '1']);
    browser = await launchBrowser();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await program?.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    await ask(program, '/api/mails', { method: 'DELETE' });
    context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    page = await context.newPage();
    page.setDefaultTimeout(20_000);
    problems = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('console', (line) => {
      if (line.type() === 'error') problems.push(line.text());
    });
    await page.goto(program.ready.page);
  });
  afterEach(async () => {
    await context.close();
    expect(problems).toEqual([]);
  });

  const rows = () => page.getByRole('option');
  const open = async (subject: string): Promise<void> => {
    await rows().filter({ hasText: subject }).click();
    await page.getByRole('heading', { level: 2, name: subject }).waitFor();
  };
  const tab = (name: string): Promise<void> =>
    page.getByRole('tab', { name, exact: false }).click();
  const panel = () => page.getByRole('tabpanel');
  const seriousFaults = async (): Promise<string[]> => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate<AxeResults>('axe.run()');
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  };

  test('an empty list says where to send a mail, and a mail that arrives is there by itself', async () => {
    await page.getByText('No mail yet').waitFor();
    await page.getByText(`127.0.0.1:${program.port('mx')}`).waitFor();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await send(program, { subject: 'first mail' });
    await rows().filter({ hasText: 'first mail' }).waitFor();
    expect(asked.filter((url) => url.includes('/api/mails'))).toEqual([]);
    await expect.poll(() => page.title()).toBe('(1) Mailsluice');
  });

  test('a mail that was opened is not marked as unread any more, and can be marked again', async () => {
    await send(program, { subject: 'to be read', text: 'x' });
    const row = rows().filter({ hasText: 'to be read' });
    await expect.poll(() => row.getAttribute('class')).toContain('unread');
    await open('to be read');
    await expect.poll(() => row.getAttribute('class')).not.toContain('unread');
    await page.getByRole('button', { name: 'Mark as unread' }).click();
    await expect.poll(() => row.getAttribute('class')).toContain('unread');
  });

  test('j and k move, Enter opens, / searches, Escape goes back', async () => {
    for (const subject of ['one', 'two', 'three']) await send(program, { subject, text: 'x' });
    await expect.poll(() => rows().count()).toBe(3);
    for (const key of ['j', 'j', 'j', 'j', 'k', 'Enter']) await page.keyboard.press(key);
    await page.getByRole('heading', { name: 'two' }).waitFor();
    await page.keyboard.press('j');
    await page.getByRole('heading', { name: 'one' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Choose a mail').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('three');
    await expect.poll(() => rows().count()).toBe(1);
    await page.getByText('1 of 3 mails').waitFor();
  });

  test('the search finds words of the text, and a new mail among its results', async () => {
    await send(program, { subject: 'fruit', text: 'a tangerine' });
    await send(program, { subject: 'other', text: 'a stone' });
    await page.getByRole('searchbox').fill('tangerine');
    await expect.poll(() => rows().count()).toBe(1);
    await send(program, { subject: 'more fruit', text: 'another tangerine' });
    await expect.poll(() => rows().count()).toBe(2);
    await page.getByRole('searchbox').fill('granite');
    await page.getByText('No mail has all of these words').waitFor();
  });

  test('one mail is deleted, and all are cleared after a second press', async () => {
    for (const subject of ['one', 'two', 'three']) await send(program, { subject, text: 'x' });
    await open('two');
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect.poll(() => rows().count()).toBe(2);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('button', { name: 'Keep' }).click();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('button', { name: 'Delete all 2' }).click();
    await page.getByText('No mail yet').waitFor();
    expect(await program.keys()).toEqual([]);
  });

  test('each tab of a mail shows what it is named after', async () => {
    await send(program, {
      subject: 'all of it',
      text: 'the plain text',
      html: '<p style="color: rgb(1, 2, 3)">the html <img src="cid:logo" alt="logo"></p>',
      attachments: [
        { filename: 'table.csv', content: 'pears,3' },
        { filename: 'logo.png', content: PNG, encoding: 'base64', cid: 'logo' },
      ],
    });
    await open('all of it');
    const frame = page.frameLocator('iframe');
    await frame.getByText('the html').waitFor();
    expect(await frame.locator('p').getAttribute('style')).toContain('rgb(1, 2, 3)');
    await expect
      .poll(() =>
        frame
          .locator('img')
          .evaluate((img: unknown) => (img as { naturalWidth: number }).naturalWidth),
      )
      .toBe(8);
    const shown: [string, string][] = [
      ['Text', 'the plain text'],
      ['Headers', 'Authentication-Results'],
      ['Parts', 'multipart/mixed'],
      ['Raw', 'Return-Path: <a@client.example>'],
      ['Notification', '"notificationType": "Received"'],
      ['Object', `s3://${program.ready.bucket}/mail/`],
      ['Dialogue', 'MAIL FROM:<a@client.example>'],
      ['Verdicts', 'GRAY'],
      ['Handler', 'said'],
    ];
    for (const [name, text] of shown) {
      await tab(name);
      await panel().getByText(text).first().waitFor();
    }
    await tab('Parts');
    const table = page.getByRole('listitem').filter({ hasText: 'table.csv' }).first();
    await table.getByRole('button', { name: 'Look' }).click();
    await page.getByText('pears,3').waitFor();
    const saving = page.waitForEvent('download');
    await table.getByRole('link', { name: 'Save part' }).click();
    expect((await saving).suggestedFilename()).toBe('table.csv');
  });

  test('the notification is copied as an event that a handler understands', async () => {
    const id = await send(program, { subject: 'to copy' });
    await open('to copy');
    await tab('Notification');
    for (const from of ['SQS', 'SNS'] as const) {
      await page.getByRole('button', { name: `from ${from}` }).click();
      await expect.poll(() => page.getByText('Copied').count()).toBeGreaterThan(0);
      const event = JSON.parse(await page.evaluate<string>('navigator.clipboard.readText()'));
      const [record] = event.Records;
      const message = from === 'SQS' ? JSON.parse(record.body).Message : record.Sns.Message;
      expect(JSON.parse(message).mail.messageId).toBe(id);
    }
  });

  test('a mail is replayed to the queue', async () => {
    await send(program, { subject: 'again', to: 'again@example.com', text: 'x' });
    await program.mailFor('again@example.com');
    await open('again');
    await page.getByRole('button', { name: 'Replay to the queue' }).click();
    await page.getByText('in the queue again').waitFor();
    const { notification } = await program.mailFor('again@example.com');
    expect(notification.mailsluice['replay']).toBeDefined();
    await rows().filter({ hasText: 'replayed' }).waitFor();
  });

  test('the page sends a test mail, and opens it', async () => {
    await page.getByRole('link', { name: 'Send', exact: true }).click();
    await page.getByLabel('Signed in, over TLS').check();
    await page.getByLabel('Subject').fill('sent by the page');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('link', { name: 'Open it' }).click();
    await page.getByText('signed in as demo').first().waitFor();
    await page.getByRole('heading', { name: 'sent by the page' }).waitFor();
  });

  test('the handler shows result, time and log of each mail, and runs again', async () => {
    await send(program, { subject: 'a poison', text: 'x' });
    await send(program, { subject: 'a meal', text: 'x' });
    await open('a meal');
    await tab('Handler');
    const results = page.getByRole('article').locator('.result');
    await expect.poll(() => results.count()).toBe(1);
    await panel().getByText('of a meal').waitFor();
    await panel()
      .getByText(/\d+ ms/)
      .waitFor();
    await page.getByRole('button', { name: 'Run the handler again' }).click();
    await expect.poll(() => results.count()).toBe(2);
    await page.getByRole('link', { name: 'Handler', exact: true }).click();
    await page.getByText('TypeError: cannot digest it', { exact: true }).waitFor();
    await page.getByText('then to the dead-letter queue').first().waitFor();
  });

  test('a session in progress is watched, and what it was refused is listed with the rule', async () => {
    const client = await TestClient.connect(program.port('mx'));
    await client.reply();
    await client.say('EHLO watched.example');
    await page.getByRole('link', { name: 'Sessions' }).click();
    await page.getByRole('link', { name: 'watched.example' }).first().click();
    await page.getByText('EHLO watched.example').first().waitFor();
    await client.say('RCPT TO:<too@early.example>');
    await page.getByText('RCPT TO:<too@early.example>').first().waitFor();
    await page.getByText('503').first().waitFor();
    client.destroy();
    await page.getByText('connection closed').waitFor();
    await page.getByRole('link', { name: 'Refused', exact: true }).click();
    await page.getByText('bad-sequence').first().waitFor();
    await page.getByRole('link', { name: 'its dialogue' }).first().click();
    await page.getByText('RCPT TO:<too@early.example>').first().waitFor();
  });

  test('with thousands of mails the list scrolls, searches and keeps up', {
    timeout: 600_000,
  }, async () => {
    const count = Number(process.env['MAILSLUICE_PAGE_MAILS'] ?? 500);
    const transport = createTransport({
      ...{ host: '127.0.0.1', port: program.port('mx'), pool: true, maxConnections: 4 },
      ...{ maxMessages: 90, ignoreTLS: true },
    });
    const envelope = { from: 'a@client.example', to: 'b@example.com' };
    await Promise.all(
      Array.from({ length: count }, (_, at) =>
        transport.sendMail({
          envelope,
          raw: `Subject: number ${String(at).padStart(5, '0')}\r\n\r\nx\r\n`,
        }),
      ),
    );
    transport.close();
    await page.getByText(`${count} mails`, { exact: true }).waitFor({ timeout: 60_000 });
    // Only those that are seen are in the document.
    expect(await rows().count()).toBeLessThan(60);
    await page.getByRole('listbox').evaluate((list: unknown) => {
      Object.assign(list as object, { scrollTop: 1e9 });
    });
    await page.locator(`[role=option][aria-posinset="${count}"]`).waitFor();
    await page.getByRole('searchbox').fill('number 00077');
    await expect.poll(() => rows().count(), { timeout: 60_000 }).toBe(1);
    await rows().filter({ hasText: 'number 00077' }).click();
    await page.getByRole('heading', { name: 'number 00077' }).waitFor();
  });

  test.each([
    ['light', 1200],
    ['dark', 1200],
    ['light', 360],
    ['dark', 360],
  ] as const)(
    'in %s, %d pixels wide, axe finds nothing serious and nothing is cut off',
    { timeout: 300_000 },
    async (colorScheme, width) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 740 });
      await send(program, {
        subject: 'a long subject '.repeat(12),
        from: '"ועידת הנהלה: אדם בעל שם ארוך" <someone.with.a.very.long.name@subdomain.client.example>',
        text: 'x',
        html: '<p>x</p>',
        attachments: [{ filename: `${'very-long-name-'.repeat(8)}.txt`, content: 'x' }],
      });
      const client = await TestClient.connect(program.port('mx'));
      await client.reply();
      await client.say('RCPT TO:<x@y.example>');
      client.destroy();
      const faults: Record<string, string[]> = {};
      const look = async (name: string): Promise<void> => {
        const found = await seriousFaults();
        const overflow = await page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        if (overflow > 0) found.push(`${overflow} pixels wider than the window`);
        if (found.length > 0) faults[name] = found;
      };
      await rows().first().waitFor();
      await look('list');
      await rows().first().click();
      for (const name of [
        'Text',
        'HTML',
        'Headers',
        'Parts',
        'Raw',
        'Notification',
        'Object',
        'Dialogue',
        'Verdicts',
        'Handler',
      ]) {
        await tab(name);
        await panel().locator('.loading').waitFor({ state: 'detached' });
        await look(name);
      }
      for (const name of ['sessions', 'refused', 'handler', 'send']) {
        await page.goto(`${program.ready.page}/#/${name}`);
        await page.getByRole('heading', { level: 2 }).first().waitFor();
        await look(name);
      }
      expect(faults).toEqual({});
    },
  );

  test('at 360 pixels a mail takes the place of the list, and a link leads back', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await send(program, { subject: 'small', text: 'small text' });
    await open('small');
    expect(await rows().first().isVisible()).toBe(false);
    await page.getByRole('link', { name: 'All mails' }).click();
    expect(await rows().first().isVisible()).toBe(true);
  });

  test('a page whose program was away shows what came meanwhile when it is back', async () => {
    await context.setOffline(true);
    await send(program, { subject: 'while away' });
    await context.setOffline(false);
    await page.reload();
    await rows().filter({ hasText: 'while away' }).waitFor();
    // The failed requests are the point of this test.
    problems = problems.filter((text) => !text.includes('ERR_INTERNET_DISCONNECTED'));
  });
});

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mPgzj6NFTEMLQkAK5lQQXEQr6kAAAAASUVORK5CYII=';
