/** For programs of tests about other things: no test asks the DNS of the machine about the senders that it makes up. */
export const UNVERIFIED = { spf: 'off', dkim: 'off', dmarc: 'off', arc: 'off' } as const;
