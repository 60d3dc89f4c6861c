// The API of the page, over HTTP against the running program.
import { get } from 'node:http';
import { ListQueuesCommand, PurgeQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type {
  Dialogue,
  MailDetail,
  MailSummary,
  PageStatus,
  SessionSummary,
  ShownRefusal,
} from '../../../../src/app/local/page/shapes.ts';
import { LocalProcess } from '../../../support/local.ts';
import { TestClient } from '../../../support/smtp-client.ts';
import { ask, send, sendRaw } from './page-client.ts';

let program: LocalProcess;
beforeAll(async () => {
  program = await LocalProcess.start();
});
afterAll(() => program.stop());
beforeEach(() => ask(program, '/api/mails', { method: 'DELETE' }));

const list = async (query = ''): Promise<MailSummary[]> =>
  (await ask<{ mails: MailSummary[] }>(program, `/api/mails${query}`)).mails;
const detail = (id: string): Promise<MailDetail> => ask(program, `/api/mails/${id}`);

test('a mail is listed with its envelope, and the last one is first', async () => {
  const first = await send(program, { subject: 'one', text: 'Hello' });
  const second = await send(program, { from: '"Ann Ä" <ann@client.example>', subject: 'zwö' });
  const mails = await list();
  expect(mails.map(({ id, subject, isRead }) => ({ id, subject, isRead }))).toEqual([
    { id: second, subject: 'zwö', isRead: false },
    { id: first, subject: 'one', isRead: false },
  ]);
  expect(mails[0]).toMatchObject({
    source: 'ann@client.example',
    from: expect.stringContaining('Ann Ä'),
    recipients: ['b@example.com'],
    listener: 'mx',
    username: null,
    replays: 0,
  });
  expect(await list(`?before=${second}`)).toEqual([mails[1]]);
  expect(await list('?limit=1')).toEqual([mails[0]]);
});

test.each([
  ['a word of the subject', 'QUARTERLY', 'report'],
  ['an address of the envelope', 'carol@example.com', 'for carol'],
  ['an address of the header', 'boss@client.example', 'report'],
  ['a word of the text', 'tangerine', 'report'],
  ['a word of HTML alone', 'mandarin', 'only html'],
  ['several words, wherever they are', 'tangerine quarterly', 'report'],
])('the search finds %s', async (_what, words, found) => {
  await send(program, {
    ...{ subject: 'quarterly report', cc: 'boss@client.example' },
    text: 'The Tangerine figures',
  });
  await send(program, { subject: 'for carol', to: 'carol@example.com', text: 'x' });
  await send(program, { subject: 'only html', html: '<p>A <b>mandarin</b></p>' });
  const [mail, ...others] = await list(`?search=${encodeURIComponent(words)}`);
  expect(mail?.subject).toContain(found);
  expect(others).toEqual([]);
  expect(await list('?search=no-such-word')).toEqual([]);
});

test('one mail has its text, headers, parts, object, notification and verdicts', async () => {
  const id = await send(program, {
    subject: 'Grüße',
    text: 'the text',
    html: '<p>the html</p>',
    attachments: [{ filename: 'ä b.csv', content: 'x,1' }],
  });
  const mail = await detail(id);
  expect(mail).toMatchObject({ id, text: 'the text', hasHtml: true });
  expect(mail.text?.trim()).toBe('the text');
  const names = mail.headers.map(({ name }) => name);
  expect(names.slice(0, 4)).toEqual([
    'Return-Path',
    'Received',
    'Received-SPF',
    'Authentication-Results',
  ]);
  expect(mail.headers.find(({ name }) => name === 'Subject')?.value).toBe('Grüße');
  expect(mail.structure).toMatchObject({
    contentType: 'multipart/mixed',
    children: [
      { contentType: 'multipart/alternative', children: [{ number: '1.1' }, { number: '1.2' }] },
      { number: '2', contentType: 'text/csv', filename: 'ä b.csv', sizeInOctets: 3 },
    ],
  });
  expect(mail.attachments).toMatchObject([{ number: '2', filename: 'ä b.csv' }]);
  const [key] = await program.keys();
  expect(mail.objects).toMatchObject([
    { bucket: program.ready.bucket, key, metadata: { listener: 'mx' } },
  ]);
  expect(mail.notification).toMatchObject({ mail: { messageId: id } });
  expect(mail.verdicts.map(({ name, status }) => [name, status])).toEqual(
    ['spf', 'dkim', 'dmarc', 'spam', 'virus'].map((name) => [name, 'GRAY']),
  );
  const { page } = program.ready;
  expect(await (await fetch(`${page}/api/mails/${id}/html`)).text()).toContain('<p>the html</p>');
  const part = await fetch(`${page}/api/mails/${id}/parts/2?save`);
  expect(await part.text()).toBe('x,1');
  expect(part.headers.get('content-disposition')).toBe(
    "attachment; filename*=UTF-8''%C3%A4%20b.csv",
  );
  const raw = await (await fetch(`${page}/api/mails/${id}/raw`)).text();
  expect(raw).toMatch(/^Return-Path: <a@client\.example>\r\n/);
});

test('the notification is what the queue has, and the test events carry it as Lambda gets it', async () => {
  const { queueUrl: QueueUrl } = program.ready;
  await program.sqs.send(new PurgeQueueCommand({ QueueUrl }));
  const id = await send(program, { subject: 'x', text: 'x', to: 'n@example.com' });
  const { Messages } = await program.sqs.send(
    new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }),
  );
  const delivered = JSON.parse(Messages?.[0]?.Body ?? '{}');
  const notification = JSON.parse(delivered.Message);
  interface Given {
    readonly notification: unknown;
    readonly body: string;
    readonly sqsEvent: { Records: { body: string; eventSource: string; messageId: string }[] };
    readonly snsEvent: { Records: { EventSource: string; Sns: { Message: string } }[] };
  }
  const { notifications } = await ask<{ notifications: Given[] }>(
    program,
    `/api/mails/${id}/notification`,
  );
  expect(notifications).toHaveLength(1);
  const [given] = notifications;
  expect(given?.notification).toEqual(notification);
  // All but the signature, which is none here either.
  const { MessageId, TopicArn, Subject, Message, MessageAttributes } = delivered;
  const envelope = {
    Type: 'Notification',
    MessageId,
    TopicArn,
    Subject,
    Message,
    MessageAttributes,
  };
  expect(JSON.parse(given?.body ?? '')).toEqual({ ...envelope, Timestamp: expect.any(String) });
  const [sqs] = given?.sqsEvent.Records ?? [];
  expect(sqs?.eventSource).toBe('aws:sqs');
  expect(JSON.parse(JSON.parse(sqs?.body ?? '').Message)).toEqual(notification);
  const [sns] = given?.snsEvent.Records ?? [];
  expect(sns?.EventSource).toBe('aws:sns');
  expect(JSON.parse(sns?.Sns.Message ?? '')).toEqual(notification);
});

test('wait gives a mail that came before it, and one that comes meanwhile, and 408 where none comes', async () => {
  const before = await send(program, { to: 'w@example.com', subject: 'before' });
  const wait = (query: string): Promise<MailSummary> => ask(program, `/api/wait?${query}`);
  expect(await wait('to=W@example.com')).toMatchObject({ id: before });
  const waiting = wait(`to=w@example.com&subject=later&after=${before}`);
  await send(program, { to: 'other@example.com', subject: 'later' });
  const later = await send(program, { to: 'w@example.com', subject: 'come later' });
  expect(await waiting).toMatchObject({ id: later, subject: 'come later' });
  await expect(wait('to=nobody@example.com&timeout=0')).rejects.toThrow('408');
  await expect(wait('timeout=0')).rejects.toThrow('400');
});

test('a mail is marked, deleted with its object, and all are cleared', async () => {
  const id = await send(program, { subject: 'a' });
  await send(program, { subject: 'b' });
  await send(program, { subject: 'c' });
  const status = (): Promise<PageStatus> => ask(program, '/api/status');
  expect(await status()).toMatchObject({ mails: 3, unread: 3 });
  const patch = { method: 'PATCH', body: '{"isRead":true}' };
  expect(await ask(program, `/api/mails/${id}`, patch)).toMatchObject({ isRead: true });
  expect(await status()).toMatchObject({ mails: 3, unread: 2 });
  await ask(program, `/api/mails/${id}`, { method: 'DELETE' });
  expect(await status()).toMatchObject({ mails: 2, unread: 2 });
  expect(await program.keys()).toHaveLength(2);
  await expect(detail(id)).rejects.toThrow('404');
  expect(await ask(program, '/api/mails', { method: 'DELETE' })).toEqual({ deleted: 2 });
  expect(await status()).toMatchObject({ mails: 0, unread: 0 });
  expect(await program.keys()).toEqual([]);
});

test('a replay puts the notification into the queue once more, marked as one', async () => {
  const id = await send(program, { to: 'r@example.com' });
  await program.mailFor('r@example.com');
  await ask(program, `/api/mails/${id}/replay`, { method: 'POST' });
  const { notification } = await program.mailFor('r@example.com');
  expect(notification).toMatchObject({
    mail: { messageId: id },
    mailsluice: { replay: { at: expect.any(String) } },
  });
  expect(await list()).toMatchObject([{ id, replays: 1 }]);
});

test.each([
  ['plain', { hasHtml: false, username: null, attachments: [] }],
  ['html', { hasHtml: true, username: null }],
  ['attachment', { attachments: [{ filename: 'fruit.csv' }, { filename: 'square.png' }] }],
  ['large', { attachments: [{ filename: 'large.bin', sizeInOctets: 12 * 1024 * 1024 }] }],
  ['signed-in', { listener: 'submission', username: 'demo' }],
])('the page sends a test mail of the kind %s', async (kind, expected) => {
  const sent = await ask<{ messageId: string; reply: string }>(program, '/api/test-mails', {
    method: 'POST',
    body: JSON.stringify({ kind, to: 't@example.com' }),
  });
  expect(sent.reply).toMatch(/^250 /);
  expect(await detail(sent.messageId)).toMatchObject({
    ...expected,
    recipients: ['t@example.com'],
  });
});

test('a test mail whose address could be two commands is not sent', async () => {
  const body = JSON.stringify({ to: 'a@example.com>\r\nRCPT TO:<b@example.com' });
  await expect(ask(program, '/api/test-mails', { method: 'POST', body })).rejects.toThrow('400');
});

test('a session is open while it lasts, and its dialogue has no credential', async () => {
  const client = await TestClient.connectTls(program.port('smtps'));
  await client.reply();
  await client.say('EHLO watched.example');
  const wrong = Buffer.from('\0demo\0wrong-secret').toString('base64');
  await client.say(`AUTH PLAIN ${wrong}`);
  const right = Buffer.from(`\0demo\0${program.ready.password}`).toString('base64');
  await client.say(`AUTH PLAIN ${right}`);
  const { sessions } = await ask<{ sessions: SessionSummary[] }>(program, '/api/sessions');
  const [session] = sessions;
  expect(session).toMatchObject({ clientDomain: 'watched.example', username: 'demo' });
  expect(session?.closedAt).toBeUndefined();
  await client.say('QUIT');
  client.destroy();
  const read = (): Promise<Dialogue> => ask(program, `/api/sessions/${session?.id}`);
  await expect.poll(async () => (await read()).closedAt).toEqual(expect.any(String));
  const dialogue = await read();
  const said = dialogue.lines.filter(({ from }) => from === 'client').map(({ text }) => text);
  expect(said).toEqual(['EHLO watched.example', 'AUTH PLAIN ***', 'AUTH PLAIN ***', 'QUIT']);
  const text = JSON.stringify(dialogue);
  for (const secret of [wrong, right, program.ready.password]) expect(text).not.toContain(secret);
});

test('a refused mail and a refused command are listed with the rule and the reply', async () => {
  const client = await TestClient.connect(program.port('mx'));
  await client.reply();
  for (const line of ['EHLO refused.example', 'MAIL FROM:<a@b>', 'RCPT TO:<no brackets']) {
    await client.say(line);
  }
  await client.say('RCPT TO:<b@example.com>');
  await client.say('DATA');
  await client.say('Subject: x\r\n\r\nbare\nnewline\r\n.');
  client.destroy();
  const { refusals } = await ask<{ refusals: ShownRefusal[] }>(program, '/api/refusals');
  expect(refusals.slice(0, 2)).toMatchObject([
    { what: 'message', rule: 'bare-newline', code: 550, reply: expect.stringMatching(/^550 /) },
    {
      what: 'RCPT',
      rule: 'forward-path-syntax',
      code: 501,
      reply: expect.stringMatching(/^501 /),
      argument: 'TO:<no brackets',
      clientDomain: 'refused.example',
    },
  ]);
});

test('what came while nobody looked is there for the next who asks, and no other queue than that of the topic is made', async () => {
  for (let at = 0; at < 25; at++) await send(program, { subject: `unseen ${at}` });
  const mails = await list();
  expect(mails.map(({ subject }) => subject)).toEqual(
    Array.from({ length: 25 }, (_, at) => `unseen ${24 - at}`),
  );
  const { QueueUrls } = await program.sqs.send(new ListQueuesCommand({}));
  expect(QueueUrls?.map((url) => url.replace(/.*\//, ''))).toEqual(['mailsluice-mail']);
});

test('events tell of mails, of their marks and of their end, without asking again', async () => {
  const controller = new AbortController();
  const response = await fetch(`${program.ready.page}/api/events`, { signal: controller.signal });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  let text = '';
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array);
  })().catch(() => undefined);
  const until = (what: RegExp): Promise<void> => expect.poll(() => text).toMatch(what);
  await until(/event: hello/);
  const id = await send(program, { subject: 'live\nmail' });
  await until(new RegExp(`event: mails\ndata: \\[\\{"id":"${id}"`));
  await ask(program, `/api/mails/${id}`, { method: 'PATCH', body: '{"isRead":true}' });
  await until(/"isRead":true/);
  await ask(program, `/api/mails/${id}`, { method: 'DELETE' });
  await until(new RegExp(`event: removed\ndata: \\["${id}"\\]`));
  expect(text).toMatch(/event: sessions\ndata: \["/);
  controller.abort();
  await reading;
});

test.each([
  ['another name that resolves to this machine', { host: 'evil.example:PORT' }, 403],
  ['another port', { host: '127.0.0.1:1' }, 403],
  ['the name localhost', { host: 'localhost:PORT' }, 200],
  ['the origin of another site', { origin: 'http://evil.example' }, 403],
  ['an opaque origin', { origin: 'null' }, 403],
  ['an origin on another port of this machine', { origin: 'http://127.0.0.1:1' }, 403],
  ['its own origin', { origin: 'http://127.0.0.1:PORT' }, 200],
  ['a request of another site', { 'sec-fetch-site': 'cross-site' }, 403],
  ['a request of another port of this machine', { 'sec-fetch-site': 'same-site' }, 403],
  ['a program', {}, 200],
])('the API answers by the headers of the request: %s', async (_who, headers, expected) => {
  const { port } = new URL(program.ready.page);
  const own = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replace('PORT', port)]),
  );
  for (const path of ['/api/mails', '/api/events', '/page.js']) {
    const status = await new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, path, headers: own }, (response) => {
        resolve(response.statusCode);
        response.destroy();
      }).on('error', reject);
    });
    expect([path, status]).toEqual([path, expected]);
  }
});

test.each([
  ['/', "script-src 'self'"],
  ['/page.js', "default-src 'none'"],
  ['/frame', 'sandbox allow-same-origin allow-popups'],
  ['/api/mails', 'sandbox'],
  ['/api/none', 'sandbox'],
])(
  '%s has a policy, and is neither sniffed, kept nor given to other sites',
  async (path, policy) => {
    const { headers } = await fetch(`${program.ready.page}${path}`);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('content-security-policy')).toContain(policy);
    expect(headers.get('content-security-policy')).not.toContain('unsafe-eval');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('access-control-allow-origin')).toBeNull();
  },
);

test.each([
  ['GET', '/api/mails?limit=x', 400],
  ['GET', '/api/mails/none', 404],
  ['GET', '/api/mails/%zz', 400],
  ['GET', '/none', 404],
  ['GET', '/../../etc/passwd', 404],
  ['PUT', '/api/mails', 405],
  ['POST', '/', 405],
  ['POST', '/api/test-mails', 400, '{"kind":"none"}'],
  ['POST', '/api/test-mails', 400, '[]'],
  ['POST', '/api/test-mails', 413, 'x'.repeat(70_000)],
])('%s %s is answered %d, with the reason', async (method, path, status, body?: string) => {
  const response = await fetch(`${program.ready.page}${path}`, { method, ...(body && { body }) });
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual({ error: expect.stringContaining('expected') });
});

test('what a mail contains is never given as a document that a browser would run', async () => {
  const id = await send(program, {
    text: 'x',
    attachments: [
      { filename: 'a.html', content: '<script>1</script>', contentType: 'text/html' },
      { filename: 'a.svg', content: '<svg onload="1"/>', contentType: 'image/svg+xml' },
      { filename: '../a\u202egpj.exe', content: 'MZ', contentType: 'image/jpeg' },
    ],
  });
  const { attachments } = await detail(id);
  expect(attachments).toHaveLength(3);
  for (const { number } of attachments.slice(0, 2)) {
    const { headers } = await fetch(`${program.ready.page}/api/mails/${id}/parts/${number}`);
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('content-security-policy')).toContain('sandbox');
  }
  const saved = await fetch(
    `${program.ready.page}/api/mails/${id}/parts/${attachments[2]?.number}?save`,
  );
  expect(saved.headers.get('content-disposition')).not.toMatch(/\/|%2f|%e2%80%ae/i);
});

test('a message with more parts than are read is listed, with the reason and its octets', async () => {
  const parts = Array.from({ length: 1200 }, (_, at) => `--b\r\n\r\npart ${at}\r\n`).join('');
  const id = await sendRaw(
    program,
    `Subject: many\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${parts}--b--\r\n`,
  );
  const mail = await detail(id);
  expect(mail.problem).toMatch(/1,?000/);
  expect(mail.headers.map(({ name }) => name)).toContain('Subject');
});
