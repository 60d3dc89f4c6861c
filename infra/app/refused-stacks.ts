// The stacks of an app whose settings cannot be used. `cdk bootstrap` and `cdk destroy` run the app too, and need only
// the names of its stacks.
import { Annotations, type App, CfnRule, CfnWaitConditionHandle, Fn, Stack } from 'aws-cdk-lib';
import type { SettingsError } from '../bridge/settings-error.ts';
import { stageOf } from './read-settings.ts';
import { stackNames } from './stacks.ts';

/** Adds stacks that every command but `bootstrap` and `destroy` refuses, with all errors in the settings. */
export function addRefusedStacks(app: App, error: SettingsError): void {
  const names = stackNames(stageOf(app.node));
  const data = new Stack(app, names.data, { terminationProtection: true });
  const service = new Stack(app, names.service);
  service.addStackDependency(data);
  for (const stack of [data, service]) {
    // CloudFormation refuses these templates, should somebody deploy them in spite of the error.
    new CfnWaitConditionHandle(stack, 'Nothing');
    new CfnRule(stack, 'Settings', {
      assertions: [
        {
          assert: Fn.conditionEquals('settings', 'usable'),
          assertDescription: 'The settings of this deployment cannot be used',
        },
      ],
    });
  }
  Annotations.of(data).addError(error.message);
}
