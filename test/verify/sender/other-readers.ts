// Who wrote a mail, as other programs read it: Python's email package by its old and its new policy and mailparser.
import { spawnSync } from 'node:child_process';
import { simpleParser } from 'mailparser';

const READ = `import json, sys, base64, email, email.policy, email.utils
out = []
for text in json.load(sys.stdin):
    octets = base64.b64decode(text)
    old = email.message_from_bytes(octets, policy=email.policy.compat32)
    values = [str(v) for v in (old.get_all('From') or [])]
    entry = {'old': {'fields': len(values), 'addresses': [a for _, a in email.utils.getaddresses(values)]}}
    try:
        new = email.message_from_bytes(octets, policy=email.policy.default)
        fields = new.get_all('From') or []
        entry['new'] = {'fields': len(fields), 'addresses': [a.addr_spec for f in fields for a in f.addresses]}
    except Exception as error:
        # The package has such faults in mails that nobody sends in good faith.
        entry['new'] = {'fault': repr(error)}
    out.append(entry)
json.dump(out, sys.stdout)
`;

export interface Reading {
  readonly fields: number;
  readonly addresses: readonly string[];
}

export interface Readings {
  readonly old: Reading;
  readonly new: Reading | { readonly fault: string };
}

/** By Python, which must be there. */
export function readByPython(mails: readonly Buffer[]): Readings[] {
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', READ], {
    input: JSON.stringify(mails.map((mail) => mail.toString('base64'))),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`Python failed: ${stderr}`);
  return JSON.parse(stdout) as Readings[];
}

/** By mailparser: the addresses that it gives for From. */
export async function readByMailparser(mail: Buffer): Promise<string[]> {
  const { from } = await simpleParser(mail);
  return (from?.value ?? []).map(({ address = '' }) => address);
}
