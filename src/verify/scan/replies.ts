import type { Reply } from '../../smtp/index.ts';

/** Every refusal of a scanner. The sender hears what to do, and not what the scanner said. */
export const replies = {
  virus: {
    code: 550,
    status: '7.1',
    text: 'A virus was found in this message: check its attachments and links, and send it again without them',
  },
  spam: {
    code: 550,
    status: '7.1',
    text: 'This message looks like spam: change its text and links, or reach the recipient in another way',
  },
  scanFailed: {
    code: 451,
    status: '7.1',
    text: 'The message cannot be checked at the moment, try again later',
  },
} as const satisfies Record<string, Reply>;
