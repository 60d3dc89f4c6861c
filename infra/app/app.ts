// The CDK app that cdk.json runs, as in `cdk deploy --all -c hostname=mx.example.com`.
import { App } from 'aws-cdk-lib';
import { buildArtifacts } from '../tools/build-artifacts.ts';
import { SettingsError } from '../bridge/settings-error.ts';
import { addRefusedStacks } from './refused-stacks.ts';
import { addStacks } from './stacks.ts';

await buildArtifacts();
const app = new App();
try {
  addStacks(app);
} catch (error) {
  // An error of the operator, who needs no stack trace. Any other error is a defect.
  if (!(error instanceof SettingsError)) throw error;
  addRefusedStacks(app, error);
}
app.synth();
