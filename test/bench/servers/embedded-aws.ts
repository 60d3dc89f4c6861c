// The embedded AWS in a process of its own. Its port tells, once all is made, where the rest is.
import { createServer } from 'node:http';
import { startEmbeddedAws } from '../../../src/app/local/embedded-aws.ts';

const aws = await startEmbeddedAws();
const { environment, resources } = aws;
createServer((_request, response) => {
  response.end(JSON.stringify({ environment, resources }));
}).listen(Number(process.argv[2]), '127.0.0.1');
process.once('SIGTERM', () => process.exit());
