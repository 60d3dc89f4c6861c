// Says each line to a server, in the state in which it belongs, and notes whether it was taken.
import { TestClient } from '../support/smtp-client.ts';

export interface Taken {
  readonly isTaken: boolean;
  readonly reply: string;
  /** The queue id of a mail to the recipient of a line that was taken. */
  readonly queueId?: string;
}

export interface SayOptions {
  /** Sends a mail to each recipient that is taken, so that the log shows which address was meant. */
  readonly sendsMail?: boolean;
  /** Called before each line. */
  readonly onLine?: (line: string) => void;
}

export async function sayLines(
  port: number,
  lines: readonly string[],
  { sendsMail = false, onLine }: SayOptions,
): Promise<ReadonlyMap<string, Taken>> {
  const client = await TestClient.connect(port);
  await client.reply();
  await client.say('EHLO client.example');
  const taken = new Map<string, Taken>();
  for (const line of lines) {
    onLine?.(line);
    const verb = line.trim().slice(0, 4).toUpperCase();
    if (verb === 'RCPT') await client.say('MAIL FROM:<sender@x.test>');
    const reply = await client.say(line);
    const isTaken = reply.startsWith('2');
    let queueId: string | undefined;
    if (isTaken && verb === 'RCPT' && sendsMail) {
      await client.say('DATA');
      const queued = await client.say('Subject: x\r\n\r\n.');
      queueId = /queued as (\w+)/.exec(queued)?.[1];
    }
    taken.set(line, { isTaken, reply, ...(queueId !== undefined && { queueId }) });
    await client.say(/^[EH][EH]LO$/.test(verb) ? 'EHLO client.example' : 'RSET');
  }
  client.destroy();
  return taken;
}
