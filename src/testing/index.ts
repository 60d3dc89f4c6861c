// For the tests of programs that send mail: `import … from "mailsluice/testing"`.
export { MailTimeoutError } from './errors.ts';
export {
  clearMails,
  type LocalAttachment,
  type LocalMail,
  type LocalMailFilter,
  type LocalPage,
  readMail,
  waitForMail,
} from './local-client.ts';
export type { MailFilter, TestMail } from './test-mail.ts';
export { createTestServer, type TestServer, type TestServerOptions } from './test-server.ts';
