// The API: what each request asks of the page. README.md describes it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answer, answerJson, startEvents } from './answers.ts';
import { snsTestEvent, sqsTestEvent } from './lambda-test-events.ts';
import { readHtml, readPart } from './mail-content.ts';
import { KEPT_MAILS, type ListedMail } from './mail-list.ts';
import type { Page } from './page.ts';
import { readJson, readNumber, RequestError } from './request.ts';
import type { MailSummary, TestMailKind } from './shapes.ts';
import { TEST_MAILS } from './test-mail.ts';

export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  /** Fires when the client is gone or the program ends. */
  readonly signal: AbortSignal;
}

type Act = (page: Page, asked: Asked, id: string, part: string) => Promise<void>;

/** Method, path with `:` for one segment of it, and what is done. */
const ROUTES: readonly (readonly [method: string, path: string, act: Act])[] = [
  [
    'GET',
    '/api/status',
    async (page, { response }) => {
      page.feed.catchUp();
      answerJson(response, page.status);
    },
  ],
  ['GET', '/api/events', followEvents],
  ['GET', '/api/mails', listMails],
  [
    'DELETE',
    '/api/mails',
    async (page, { response }) => answerJson(response, { deleted: await page.clear() }),
  ],
  ['GET', '/api/wait', waitForMail],
  [
    'GET',
    '/api/mails/:',
    async (page, { response }, id) => answerJson(response, await page.detail(page.require(id))),
  ],
  ['PATCH', '/api/mails/:', markMail],
  [
    'DELETE',
    '/api/mails/:',
    async (page, { response }, id) => {
      await page.delete(page.require(id));
      answerJson(response, { deleted: 1 });
    },
  ],
  ['GET', '/api/mails/:/html', giveHtml],
  ['GET', '/api/mails/:/raw', giveRaw],
  ['GET', '/api/mails/:/parts/:', givePart],
  ['GET', '/api/mails/:/notification', giveNotification],
  [
    'POST',
    '/api/mails/:/replay',
    async (page, { response }, id) => {
      await page.replay(page.require(id));
      answerJson(response, { replayed: id, to: page.options.queueUrl });
    },
  ],
  [
    'POST',
    '/api/mails/:/handle',
    async (page, { response }, id) => {
      await page.runHandler(page.require(id));
      answerJson(response, { sent: id });
    },
  ],
  ['POST', '/api/test-mails', sendTest],
  [
    'GET',
    '/api/sessions',
    async (page, { response }) => answerJson(response, { sessions: page.sessions.sessions }),
  ],
  [
    'GET',
    '/api/sessions/:',
    async (page, { response }, id) => {
      const dialogue = page.sessions.dialogue(id);
      if (dialogue === undefined) {
        throw new RequestError(404, 'session: expected one of the last 1,000');
      }
      answerJson(response, dialogue);
    },
  ],
  [
    'GET',
    '/api/refusals',
    async (page, { response }) => answerJson(response, { refusals: page.sessions.refusals }),
  ],
  [
    'GET',
    '/api/handler',
    async (page, { response }) => answerJson(response, { results: page.handled.results }),
  ],
];

/** @throws RequestError where there is no such path, or not by that method */
export async function route(page: Page, path: string, asked: Asked): Promise<void> {
  const segments = path.split('/');
  const fitting = ROUTES.filter(([, pattern]) => {
    const parts = pattern.split('/');
    return (
      parts.length === segments.length &&
      parts.every((part, at) => part === ':' || part === segments[at])
    );
  });
  if (fitting.length === 0)
    throw new RequestError(404, `path: expected one of the API, got ${path}`);
  const { method = 'GET' } = asked.request;
  const found = fitting.find(([wanted]) => wanted === method);
  if (found === undefined) {
    const allowed = fitting.map(([wanted]) => wanted).join(', ');
    throw new RequestError(405, `method: expected ${allowed}, got ${method}`);
  }
  const [, pattern, act] = found;
  const [id = '', part = ''] = pattern
    .split('/')
    .flatMap((each, at) => (each === ':' ? [decode(segments[at] ?? '')] : []));
  await act(page, asked, id, part);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new RequestError(400, 'path: expected percent-encoded UTF-8');
  }
}

async function listMails(page: Page, { response, query }: Asked): Promise<void> {
  const limit = readNumber(query, 'limit', { min: 1, max: KEPT_MAILS, fallback: 100 });
  const before = query.get('before') ?? undefined;
  const search = query.get('search') ?? '';
  const wanted = { limit, search, ...(before !== undefined && { before }) };
  const { mails, isComplete } = await page.list(wanted);
  const { size: total, unread } = page.mails;
  answerJson(response, { mails, isComplete, total, unread });
}

async function waitForMail(page: Page, { response, query, signal }: Asked): Promise<void> {
  const to = query.get('to')?.toLowerCase();
  const subject = query.get('subject')?.toLowerCase();
  if (to === undefined) throw new RequestError(400, 'to: expected an address');
  const after = query.get('after') ?? '';
  const seconds = readNumber(query, 'timeout', { min: 0, max: 300, fallback: 30 });
  const isWanted = (mail: MailSummary): boolean =>
    mail.id > after &&
    mail.recipients.some((each) => each.toLowerCase() === to) &&
    (subject === undefined || mail.subject.toLowerCase().includes(subject));
  const mail = await page.wait(isWanted, seconds, signal);
  if (signal.aborted) return;
  if (mail === undefined) {
    throw new RequestError(408, `to: no mail to ${to} came within ${seconds} s`);
  }
  answerJson(response, mail);
}

async function markMail(page: Page, { request, response }: Asked, id: string): Promise<void> {
  const { isRead } = await readJson(request);
  if (typeof isRead !== 'boolean') throw new RequestError(400, 'isRead: expected true or false');
  page.require(id);
  answerJson(response, page.setRead(id, isRead));
}

async function giveHtml(page: Page, { response }: Asked, id: string): Promise<void> {
  const { octets } = await page.object(page.require(id));
  const html = await readHtml(octets);
  if (html === undefined) throw new RequestError(404, 'html: expected a mail with HTML');
  // As text: what shows it decides where.
  answer(response, html, { contentType: 'text/plain; charset=utf-8' });
}

async function giveRaw(page: Page, { response, query }: Asked, id: string): Promise<void> {
  const { octets } = await page.object(page.require(id));
  if (query.has('save')) {
    answer(response, octets, { contentType: 'message/rfc822', saveAs: `${id}.eml` });
  } else answer(response, octets, { contentType: 'text/plain; charset=utf-8' });
}

/** What a browser may show by itself: images that hold no script. */
const SHOWN = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

async function givePart(page: Page, asked: Asked, id: string, number: string): Promise<void> {
  const { response, query } = asked;
  const { octets } = await page.object(page.require(id));
  const part = await readPart(octets, number);
  if (part === undefined)
    throw new RequestError(404, `part: expected one of the mail, got ${number}`);
  const { content, contentType, filename = `part-${number}` } = part;
  if (query.has('save')) {
    answer(response, content, { contentType: 'application/octet-stream', saveAs: filename });
  } else if (SHOWN.has(contentType)) answer(response, content, { contentType });
  else answer(response, content, { contentType: 'text/plain; charset=utf-8' });
}

async function giveNotification(page: Page, { response }: Asked, id: string): Promise<void> {
  const mail: ListedMail = page.require(id);
  const queueArn = `arn:aws:sqs:us-east-1:000000000000:${page.options.queueUrl.split('/').at(-1)}`;
  const notifications = [...mail.announcements.values()].map(({ body, notification }) => ({
    notification,
    // As a subscriber gets it.
    body,
    sqsEvent: sqsTestEvent(body, queueArn, mail.summary.receivedAt),
    snsEvent: snsTestEvent(body),
  }));
  answerJson(response, { notifications });
}

/** An address as it stands in MAIL and RCPT: no bracket, no line end. */
const ADDRESS = /^[^\s<>\p{Cc}]{1,254}$/u;

async function sendTest(page: Page, { request, response }: Asked): Promise<void> {
  const body = await readJson(request);
  const { kind = 'plain', from = 'you@example.com', to = 'inbox@example.net' } = body;
  const { subject = `A test mail (${String(kind)})` } = body;
  if (!TEST_MAILS.includes(kind as TestMailKind)) {
    throw new RequestError(400, `kind: expected ${TEST_MAILS.join(', ')}`);
  }
  for (const [name, value] of Object.entries({ from, to })) {
    if (typeof value !== 'string' || !ADDRESS.test(value)) {
      throw new RequestError(400, `${name}: expected an address`);
    }
  }
  if (typeof subject !== 'string' || subject.length > 200) {
    throw new RequestError(400, 'subject: expected at most 200 characters');
  }
  const mail = { kind: kind as TestMailKind, from: String(from), to: String(to), subject };
  const outcome = await page.send(mail);
  answerJson(response, outcome, outcome.ok ? 200 : 502);
}

async function followEvents(page: Page, { response, signal }: Asked): Promise<void> {
  const leave = page.feed.watch();
  startEvents(response);
  await new Promise<void>((resolve) => {
    page.events.add(response, resolve);
    signal.addEventListener('abort', () => response.end());
  });
  leave();
}
