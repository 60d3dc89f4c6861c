// Debian's opendkim as a signer: in its test mode it says which field it would insert.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../support/programs.ts';
import { crlf } from './judge.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

export const opendkimZone = {
  'sel._domainkey.signer.example TXT': [`v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`],
};

/** The message with opendkim's signature in front. `settings`: lines of its configuration. */
export async function signByOpendkim(
  message: Buffer,
  settings: readonly string[],
): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'mailsluice-opendkim-'));
  try {
    const [key, file, configuration] = ['key.pem', 'message.eml', 'opendkim.conf'].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    writeFileSync(key, privateKey, { mode: 0o600 });
    writeFileSync(file, message);
    const lines = [
      'Mode s',
      'Domain signer.example',
      'Selector sel',
      `KeyFile ${key}`,
      // The folder of temporary files is open to all.
      'RequireSafeKeys false',
      'InternalHosts 0.0.0.0/0',
      ...settings,
    ];
    writeFileSync(configuration, `${lines.join('\n')}\n`);
    const { output } = await runProgram('opendkim', ['-vvv', '-x', configuration, '-t', file]);
    const value = /INSHEADER: idx=\d+ hname='DKIM-Signature' hvalue='([^']+)'/.exec(output)?.[1];
    if (value === undefined) throw new Error(`opendkim did not sign: ${output}`);
    return Buffer.concat([Buffer.from(crlf(`DKIM-Signature: ${value}\n`)), message]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
