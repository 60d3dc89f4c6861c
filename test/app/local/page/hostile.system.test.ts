// Hostile mails, opened in Debian's Chromium in every tab: no script runs, no request leaves, the page stays usable.
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchBrowser, missingBrowser } from '../../../support/browser.ts';
import { LocalProcess } from '../../../support/local.ts';
import { hostileMails } from './hostile-mails.ts';
import { ask, send, sendRaw } from './page-client.ts';

const TABS = [
  ...['Text', 'Headers', 'Parts', 'Raw', 'Notification', 'Object', 'Dialogue', 'Verdicts'],
  ...['Handler', 'HTML'],
];
const names = hostileMails('').map(({ name }) => name);

const reason = missingBrowser();
describe.skipIf(reason !== undefined)(`hostile mails${reason ? ` (${reason})` : ''}`, () => {
  let program: LocalProcess;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** Counts connections: also one without a request gives away that a mail was opened. */
  let evil: Server;
  let address: string;
  let connections = 0;
  let requests: string[];
  let refused: string[];

  beforeAll(async () => {
    program = await LocalProcess.start();
    evil = createServer((socket) => {
      connections++;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(evil, 'listening');
    address = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
    browser = await launchBrowser();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await program?.stop();
    evil?.close();
  });
  beforeEach(async () => {
    await ask(program, '/api/mails', { method: 'DELETE' });
    connections = 0;
    requests = [];
    context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
    refused = [];
    context.on('request', (request) => requests.push(request.url()));
    // The policy stops a request that the browser was about to make.
    context.on('requestfailed', (request) => {
      if (request.failure()?.errorText === 'csp') refused.push(request.url());
    });
    page = await context.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(program.ready.page);
  });
  afterEach(() => context.close());

  const openTab = async (name: string): Promise<void> => {
    await page.getByRole('tab', { name, exact: false }).click();
    await page.locator('.panel .loading').waitFor({ state: 'detached' });
  };
  const hasRunNoScript = async (): Promise<void> => {
    for (const frame of page.frames()) {
      const left = await frame.evaluate('window.hacked').catch((error: unknown) => {
        // The frame of the mail goes when another tab is opened; what it did was looked at before.
        if (!frame.isDetached()) throw error;
      });
      expect(left).toBeUndefined();
    }
  };
  const isUntouched = async (): Promise<void> => {
    await hasRunNoScript();
    expect(context.pages()).toHaveLength(1);
    expect(new URL(page.url()).origin).toBe(program.ready.page);
    const isOurs = (url: string): boolean =>
      url.startsWith(program.ready.page) || url.startsWith('data:') || refused.includes(url);
    expect(requests.filter((url) => !isOurs(url))).toEqual([]);
    expect(connections).toBe(0);
  };

  test.each(names)(
    '%s: no script runs, no request leaves, the page stays usable',
    { timeout: 180_000 },
    async (name) => {
      const mail = hostileMails(address).find((each) => each.name === name);
      const id = await sendRaw(program, mail?.raw ?? '');
      await page.goto(`${program.ready.page}/#/mail/${id}`);
      await page.getByRole('tablist').waitFor();
      for (const tab of TABS) await openTab(tab);
      if (mail?.seen !== undefined) {
        await page.frameLocator('iframe').getByText(mail.seen).first().waitFor({ timeout: 90_000 });
      }
      // Whatever would begin by itself has had its time.
      await page.waitForTimeout(500);
      await isUntouched();
      await openTab('Parts');
      for (const look of (await page.getByRole('button', { name: 'Look' }).all()).slice(0, 5)) {
        await look.click();
        await page.locator('.look').waitFor();
      }
      await isUntouched();
      // The page still does what it is asked.
      await page.keyboard.press('Escape');
      await page.getByText('Choose a mail').waitFor();
      const after = await send(program, { subject: 'a mail afterwards', text: 'x' });
      await page.locator(`#mail-${after}`).click();
      await page.getByRole('heading', { name: 'a mail afterwards' }).waitFor();
      await isUntouched();
    },
  );

  const openHtml = async (name: string): Promise<void> => {
    const mail = hostileMails(address).find((each) => each.name === name);
    const id = await sendRaw(program, mail?.raw ?? '');
    await page.goto(`${program.ready.page}/#/mail/${id}/html`);
    await page
      .frameLocator('iframe')
      .getByText(mail?.seen ?? '')
      .first()
      .waitFor();
  };

  test('a link opens in a new window, and those that would run something lead nowhere', async () => {
    await openHtml('links that run, leave the frame or look like others');
    const frame = page.frameLocator('iframe');
    const links = await frame
      .locator('a, area')
      .evaluateAll((all: unknown[]) =>
        (all as { getAttribute(name: string): string | null }[]).map((link) => [
          link.getAttribute('href'),
          link.getAttribute('target'),
          link.getAttribute('rel'),
        ]),
      );
    const out = ['_blank', 'noopener noreferrer'];
    expect(links.filter(([href]) => href !== null)).toEqual([
      [`${address}/top`, ...out],
      [`${address}/self`, ...out],
    ]);
    await frame.locator('#js').click();
    await isUntouched();
    const opening = context.waitForEvent('page');
    await frame.getByText('a link').click();
    const opened = await opening;
    await expect.poll(() => connections).toBeGreaterThan(0);
    expect(page.url()).toContain(program.ready.page);
    await opened.close();
  });

  test('a form sends nothing when its button is pressed', async () => {
    await openHtml('a form');
    for (const name of ['Sign in again', 'Sign in again too']) {
      await page.frameLocator('iframe').getByRole('button', { name, exact: true }).click();
    }
    await page.waitForTimeout(300);
    await isUntouched();
  });

  test('images of other hosts are loaded when they are asked for, and not before', async () => {
    await openHtml('content of other hosts');
    await page.waitForTimeout(500);
    await isUntouched();
    expect(refused).toContain(`${address}/img`);
    requests = [];
    await page.getByLabel('Load images').check();
    await expect.poll(() => requests.includes(`${address}/img`)).toBe(true);
    await page.waitForTimeout(300);
    // Only what draws the mail: no frame, no script, no connection ahead of time.
    const asked = requests
      .filter((url) => url.startsWith(address))
      .map((url) => new URL(url).pathname);
    for (const path of [
      '/iframe',
      '/object',
      '/embed',
      '/prefetch',
      '/manifest',
      '/module',
      '/icon',
    ]) {
      expect(asked).not.toContain(path);
    }
    await hasRunNoScript();
  });

  test('characters that turn a name around are shown by their number', async () => {
    const mail = hostileMails(address).find(({ name }) => name === 'names that are turned around');
    const id = await sendRaw(program, mail?.raw ?? '');
    await page.goto(`${program.ready.page}/#/mail/${id}/parts`);
    await page.getByText('invoice[U+202E]gnp.exe').first().waitFor();
    const heading = await page.getByRole('heading', { level: 2 }).textContent();
    expect(heading).not.toMatch(/[\u200b\u202a-\u202e\u2066-\u2069]/);
    const saving = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Save part' }).first().click();
    expect((await saving).suggestedFilename()).not.toMatch(/\u202e/);
  });
});
