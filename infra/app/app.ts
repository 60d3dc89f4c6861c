// The CDK app that cdk.json runs: `cdk deploy --all -c hostname=mx.example.com` needs nothing else.
import { App } from 'aws-cdk-lib';
import { buildArtifacts } from '../tools/build-artifacts.ts';
import { SettingsError } from '../bridge/settings-error.ts';
import { addStacks } from './stacks.ts';

await buildArtifacts();
const app = new App();
try {
  addStacks(app);
} catch (error) {
  // What the operator wrote is wrong: sentences, and no stack trace. Anything else is ours.
  if (!(error instanceof SettingsError)) throw error;
  console.error(error.message);
  process.exit(1);
}
app.synth();
