// What the tests ask of the page's API, and how they send mail.
import { createTransport, type SendMailOptions } from 'nodemailer';
import type { LocalProcess } from '../../../support/local.ts';

export async function ask<T>(
  program: LocalProcess,
  path: string,
  options: RequestInit = {},
): Promise<T> {
  const response = await fetch(`${program.ready.page}${path}`, options);
  const body = (await response.json()) as T;
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(body)}`);
  return body;
}

export async function send(
  program: LocalProcess,
  mail: SendMailOptions,
  listener = 'mx',
): Promise<string> {
  const signsIn = listener !== 'mx';
  const { username: user, password: pass } = program.ready;
  const transport = createTransport({
    host: '127.0.0.1',
    port: program.port(listener),
    secure: false,
    tls: { rejectUnauthorized: false },
    ...(signsIn && { auth: { user, pass } }),
  });
  try {
    const { response } = await transport.sendMail({
      from: 'a@client.example',
      to: 'b@example.com',
      ...mail,
    });
    return /queued as (\w+)/.exec(response)?.[1] ?? '';
  } finally {
    transport.close();
  }
}

/** Sends octets as they are, as one message. */
export function sendRaw(program: LocalProcess, raw: string | Buffer): Promise<string> {
  return send(program, { raw, envelope: { from: 'a@client.example', to: 'b@example.com' } });
}
