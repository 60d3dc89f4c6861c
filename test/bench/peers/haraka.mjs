// Haraka with the one plugin that it needs to take every mail and drop it. One process, no log, no lookups.
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const [port, certFile, keyFile] = process.argv.slice(2);
const home = mkdtempSync(join(tmpdir(), 'haraka-'));
const config = join(home, 'config');
const haraka = dirname(createRequire(import.meta.url).resolve('Haraka/package.json'));
cpSync(join(haraka, 'config'), config, { recursive: true });
mkdirSync(join(home, 'plugins'));
const smtpsPort = certFile === undefined ? 1 : port;
writeFileSync(join(config, 'smtp.ini'), `listen=127.0.0.1:${port}\nsmtps_port=${smtpsPort}\nnodes=0\n`);
writeFileSync(join(config, 'log.ini'), '[main]\nlevel=error\n');
writeFileSync(join(config, 'me'), 'haraka.example\n');
writeFileSync(join(config, 'plugins'), 'null_sink\n');
writeFileSync(join(config, 'outbound.ini'), '[main]\ndisabled=true\n');
if (certFile) {
  copyFileSync(certFile, join(config, 'tls_cert.pem'));
  copyFileSync(keyFile, join(config, 'tls_key.pem'));
  writeFileSync(join(config, 'tls.ini'), 'key=tls_key.pem\ncert=tls_cert.pem\n');
}
writeFileSync(
  join(home, 'plugins', 'null_sink.js'),
  `exports.hook_lookup_rdns = (next) => next(OK, 'localhost');
exports.hook_rcpt = (next) => next(OK);
exports.hook_queue = (next) => next(OK);
`,
);
process.on('exit', () => rmSync(home, { recursive: true, force: true }));
process.once('SIGTERM', () => process.exit());
process.env.HARAKA = home;
createRequire(import.meta.url)('Haraka/haraka.js');
