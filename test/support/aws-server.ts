// What `aws-process.ts` starts: tells its parent where the services are, and ends with it.
import { startEmbeddedAws } from '../../src/app/local/embedded-aws.ts';

const aws = await startEmbeddedAws();
const { region, endpoint, dynamoDbEndpoint, credentials, resources, environment } = aws;
process.send?.({ region, endpoint, dynamoDbEndpoint, credentials, resources, environment });
process.once('disconnect', () => process.exit());
