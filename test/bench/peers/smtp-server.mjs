// nodemailer's smtp-server with a sink that drops every octet. Its logger and its reverse lookup are off.
import { readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

const [port, certFile, keyFile] = process.argv.slice(2);
const server = new SMTPServer({
  secure: certFile !== undefined,
  ...(certFile && { cert: readFileSync(certFile), key: readFileSync(keyFile) }),
  name: 'smtp-server.example',
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  logger: false,
  onData(stream, session, callback) {
    stream.on('data', () => {});
    stream.on('end', () => callback());
  },
});
server.on('error', () => {});
server.listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => process.exit());
