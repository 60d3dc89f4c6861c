import * as cdk from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Answers a finding of cdk-nag, where the app's aws-cdk-lib can take an answer. An older one knows no validation plugins, so
 * that nothing there finds anything.
 */
export function acknowledge(
  construct: IConstruct,
  finding: { readonly id: string; readonly reason: string },
): void {
  const { Validations } = cdk as Partial<Pick<typeof cdk, 'Validations'>>;
  Validations?.of(construct).acknowledge(finding);
}
