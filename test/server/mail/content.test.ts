import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MailGoneError } from '../../../src/server/index.ts';
import { MailContent } from '../../../src/server/mail/content.ts';

test('single octets are bounded as well, by what each costs', async () => {
  let resumed = 0;
  const content = new MailContent(() => void resumed++);
  const reader = content.addReader();
  let count = 0;
  while (content.write(Buffer.from('x'))) count++;
  expect(count).toBeLessThanOrEqual(262_144 / 256);
  for (let read = 0; resumed === 0; read++) {
    expect(read).toBeLessThanOrEqual(count);
    await reader.next();
  }
  expect(resumed).toBe(1);
});

test('one huge chunk is taken and asks for a pause until it was read', async () => {
  let resumed = 0;
  const content = new MailContent(() => void resumed++);
  const reader = content.addReader();
  expect(content.write(Buffer.alloc(1_000_000))).toBe(false);
  expect(resumed).toBe(0);
  await reader.next();
  expect(resumed).toBe(1);
});

test('without a reader everything is dropped', () => {
  const content = new MailContent(() => {});
  const reader = content.addReader();
  reader.close();
  for (let count = 0; count < 100; count++) expect(content.write(Buffer.alloc(65_536))).toBe(true);
});

test('a reader that leaves makes room', () => {
  let resumed = 0;
  const content = new MailContent(() => void resumed++);
  content.addReader().close();
  const slow = content.addReader();
  content.write(Buffer.alloc(300_000));
  slow.close();
  expect(resumed).toBe(1);
});

test('reading on after the mail is gone fails, also for who waits already', async () => {
  const content = new MailContent(() => {});
  const [waiting, later] = [content.addReader(), content.addReader()];
  const next = waiting.next();
  content.abort(new MailGoneError('gone'));
  await expect(next).rejects.toThrow('gone');
  await expect(later.next()).rejects.toThrow(MailGoneError);
  expect(content.write(Buffer.from('x'))).toBe(true);
});

test('one reader cannot wait twice at a time', async () => {
  const content = new MailContent(() => {});
  const reader = content.addReader();
  const first = reader.next();
  await expect(reader.next()).rejects.toThrow(TypeError);
  content.end();
  expect(await first).toEqual({ done: true, value: undefined });
});

test('every reader gets all of it in order, however reading and writing alternate', async () => {
  const actions = fc.array(fc.constantFrom('write' as const, 0 as const, 1 as const), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(actions, async (order) => {
      const content = new MailContent(() => {});
      const readers = [content.addReader(), content.addReader()];
      const got: number[][] = [[], []];
      const read = async (index: number): Promise<boolean> => {
        const result = await readers[index]?.next();
        if (result?.value) got[index]?.push(result.value.readUInt8(0));
        return result?.done !== true;
      };
      let written = 0;
      for (const action of order) {
        // Nobody waits here for what is not written yet.
        if (action === 'write') content.write(Buffer.from([written++]));
        else if ((got[action]?.length ?? 0) < written) await read(action);
      }
      content.end();
      for (const index of [0, 1]) while (await read(index)) continue;
      const all = Array.from({ length: written }, (_, index) => index);
      expect(got).toEqual([all, all]);
    }),
  );
});
