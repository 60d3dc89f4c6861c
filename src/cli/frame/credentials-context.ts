import { parseSection } from '../../config/index.ts';
import { createCredentialClient } from '../../credentials/index.ts';
import { readConfigurationSource } from './configuration-source.ts';
import type { CredentialsCliContext } from '../credentials/index.ts';

/** The table's name where neither `--table` nor a configuration says another: what `mailsluice local` makes. */
const DEFAULT_TABLE = 'mailsluice-credentials';

/**
 * Finds the table as the server does: `--table`, else `credentials.table` of the configuration. Of the document
 * only that section is looked at, so the small one of `mailsluice local` will do. Region, endpoint and
 * credentials are the SDK's standard environment.
 */
export const credentialsContext: CredentialsCliContext = {
  async openTable({ config, table }) {
    const source = table === undefined ? await readConfigurationSource(config) : undefined;
    const section = parseSection(source?.document, 'credentials');
    return {
      client: createCredentialClient(),
      table: table ?? section?.table ?? DEFAULT_TABLE,
    };
  },
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
};
