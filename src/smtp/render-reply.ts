// Replies as wire text: RFC 5321 sections 4.2 and 4.5.3.1.5, RFC 2034 section 4.
import { type Rule, refusals, replies } from './replies.ts';
import type { Reply } from './reply.ts';

/** Reply line of RFC 5321 section 4.5.3.1.5, without room for code, status and CRLF. */
const TEXT_OCTETS = 490;
const UNPRINTABLE = /[^\x20-\x7e]/;

/** The wire text of a reply: whole lines of printable ASCII, whatever a policy put into it. */
export function renderReply({ code, status, text }: Reply): string {
  const prefix = status === undefined ? '' : `${Math.trunc(code / 100)}.${status} `;
  const lines = typeof text === 'string' ? [text] : text.length === 0 ? [''] : text;
  let rendered = '';
  let left = lines.length;
  for (const line of lines) {
    rendered += `${code}${--left === 0 ? ' ' : '-'}${prefix}${printable(line)}\r\n`;
  }
  return rendered;
}

/** A line break in a text would be a second reply: whatever is not printable ASCII becomes `?`. */
function printable(text: string): string {
  const cut = text.length > TEXT_OCTETS ? text.slice(0, TEXT_OCTETS) : text;
  return UNPRINTABLE.test(cut) ? cut.replace(/[^\x20-\x7e]/g, '?') : cut;
}

/** A farewell, with the host name before its text (RFC 5321 section 4.2.1). */
export function renderFarewell(reply: Reply, hostname: string): string {
  return renderReply({ ...reply, text: `${hostname} ${String(reply.text)}` });
}

function renderAll<K extends string>(table: Record<K, Reply>): Record<K, string> {
  const entries = Object.entries<Reply>(table).map(([name, reply]) => [name, renderReply(reply)]);
  return Object.fromEntries(entries) as Record<K, string>;
}

/** The fixed replies, rendered once. */
export const rendered: Record<keyof typeof replies, string> = renderAll(replies);
export const renderedRefusals: Record<Rule, string> = renderAll(refusals);
