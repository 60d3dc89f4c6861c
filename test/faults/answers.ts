// Answers that look like success, or like a refusal, and come from something that is not AWS: what a web server on a
// wrong port, a proxy or a broken load balancer really sends.
import type { Answer } from './fault-proxy.ts';

const HTML =
  '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>Welcome</title></head><body><h1>It works!</h1><br></body></html>\n';
const html = { 'content-type': 'text/html' };
const xml = { 'content-type': 'application/xml' };
/** SHA-256 of something else, and the MD5 of something else. */
const OTHERS_CHECKSUM = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';
const OTHERS_ETAG = '"d41d8cd98f00b204e9800998ecf8427e"';
const ERROR =
  '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>';

function answer(status: number, headers: Answer['headers'] = {}, body = ''): Answer {
  const octets = Buffer.from(body);
  return {
    status,
    headers: { ...headers, 'content-length': String(octets.length) },
    body: octets,
  };
}

/** None of them proves anything, to any request. */
export const PROVING_NOTHING: readonly (readonly [string, Answer])[] = [
  ['200 with a page of HTML', answer(200, html, HTML)],
  ['200 with a page of HTML and an ETag', answer(200, { ...html, etag: OTHERS_ETAG }, HTML)],
  ['200 with a well-formed page', answer(200, html, '<html><body>Hello.</body></html>')],
  ['200 and nothing else', answer(200)],
  ['200 with {}', answer(200, { 'content-type': 'application/json' }, '{}')],
  ['200 with a weak ETag', answer(200, { etag: 'W/"2-nOO9QiTIwXgNtWtBJezz8kv3SLc"' })],
  ["200 with another object's ETag", answer(200, { etag: OTHERS_ETAG })],
  [
    "200 with another object's checksum",
    answer(200, { etag: OTHERS_ETAG, 'x-amz-checksum-sha256': OTHERS_CHECKSUM }),
  ],
  ['200 with an error document', answer(200, xml, ERROR)],
  ['200 with an error document and a line end', answer(200, xml, `${ERROR}\n`)],
  ['202', answer(202)],
  ['204', answer(204)],
  ['206 with a page of HTML', answer(206, html, HTML)],
  ['302 to a login page', answer(302, { ...html, location: 'http://login.example/' }, HTML)],
  ['400 with a page of HTML', answer(400, html, HTML)],
  ['400 with a word', answer(400, { 'content-type': 'text/plain' }, 'Bad Request')],
  ['403 with a page of HTML', answer(403, html, HTML)],
  ['403 and nothing else', answer(403)],
  ['404 with a page of HTML', answer(404, html, HTML)],
  ['404 and nothing else', answer(404)],
  ['407 with a page of HTML', answer(407, html, HTML)],
  ['408 and nothing else', answer(408)],
  ['409 with a page of HTML', answer(409, html, HTML)],
  ['412 with a page of HTML', answer(412, html, HTML)],
  ['413 with a page of HTML', answer(413, html, HTML)],
  ['431 and nothing else', answer(431)],
];

/** Publish and PublishBatch. `null` is an answer without the part that proves it. */
export function published(messageId: string | null): Answer {
  const id = messageId === null ? '' : `<MessageId>${messageId}</MessageId>`;
  return answer(
    200,
    { 'content-type': 'text/xml' },
    `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>${id}</PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>`,
  );
}

export function batchPublished(successful: string, failed = ''): Answer {
  return answer(
    200,
    { 'content-type': 'text/xml' },
    `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Successful>${successful}</Successful><Failed>${failed}</Failed></PublishBatchResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishBatchResponse>`,
  );
}
