// Writes the pictures in src/app/local/page/screenshots: `npx node test/app/local/page/write-screenshots.ts`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchBrowser } from '../../../support/browser.ts';
import { LocalProcess } from '../../../support/local.ts';
import { TestClient } from '../../../support/smtp-client.ts';
import { send } from './page-client.ts';

const target = fileURLToPath(
  new URL('../../../../src/app/local/page/screenshots/', import.meta.url),
);
mkdirSync(target, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'screenshots-'));
const handler = join(folder, 'handler.mjs');
writeFileSync(
  handler,
  `export const handler = async ({ Records: [{ body }] }) => {
    const { mail } = JSON.parse(JSON.parse(body).Message);
    console.log('order from', mail.source);
    if (mail.commonHeaders.subject.includes('Invoice')) throw new TypeError('no amount in the invoice');
    return { batchItemFailures: [], ticket: 4711 };
  };`,
);
const program = await LocalProcess.start({}, ['--handler', handler, '--attempts', '1']);
const browser = await launchBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1060, height: 640 } });
  const shoot = async (name: string): Promise<void> => {
    await page.waitForTimeout(500);
    await page.screenshot({ path: join(target, `${name}.png`) });
  };
  await page.goto(program.ready.page);
  await page.getByText('No mail yet').waitFor();
  const text = 'Hello,\n\nplease send 3 crates of pears by Friday.\n\nAnn';
  await send(program, { subject: 'Read already', text });
  await send(program, {
    ...{ from: 'Billing <billing@shop.example>', subject: 'Invoice 2026-117', text },
    attachments: [{ filename: 'invoice.pdf', content: '%PDF-1.7', contentType: 'application/pdf' }],
  });
  await send(program, {
    from: '"ועידת הנהלה" <chair@board.example>',
    ...{
      subject: 'סדר היום לישיבה ביום שני',
      text: 'שלום,\n\nמצורף סדר היום.',
      to: 'board@example.com',
    },
  });
  await send(program, {
    from: '"A person whose display name is longer than any list is wide" <long.name@subdomain.client.example>',
    subject:
      'A subject that goes on and on, because somebody put the whole message into it, and then some more',
    ...{ text, to: 'orders@example.com' },
  });
  const order = await send(
    program,
    {
      from: '"Ann Bauer" <ann@client.example>',
      ...{ to: 'orders@example.com', subject: 'Order: 3 crates of pears', text },
      html: `<div style="font-family: sans-serif"><h2 style="color: #14672f">Order 4711</h2><p>${text.replaceAll('\n', '<br>')}</p>
      <table border="1" cellpadding="6" style="border-collapse: collapse"><tr><th>Item</th><th>Count</th></tr><tr><td>Pears</td><td>3</td></tr></table></div>`,
    },
    'submission',
  );
  const client = await TestClient.connect(program.port('mx'));
  await client.reply();
  for (const line of [
    'EHLO printer.example',
    'MAIL FROM:<scan@printer.example>',
    'RCPT TO:<no brackets',
  ]) {
    await client.say(line);
  }
  const tab = (name: string) => page.goto(`${program.ready.page}/#/mail/${order}/${name}`);
  await tab('html');
  await page.frameLocator('iframe').getByText('Order 4711').waitFor();
  await shoot('mail');
  for (const name of ['notification', 'dialogue', 'handler']) {
    await tab(name);
    await page.getByRole('tabpanel').waitFor();
    await shoot(name);
  }
  await page.goto(`${program.ready.page}/#/sessions`);
  await page.getByRole('link', { name: 'printer.example' }).click();
  await shoot('sessions');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 360, height: 640 });
  await tab('text');
  await page.getByRole('tabpanel').waitFor();
  await shoot('narrow-dark');
  client.destroy();
} finally {
  await browser.close();
  await program.stop();
  rmSync(folder, { recursive: true });
}
