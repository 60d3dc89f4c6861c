import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

/**
 * Answers cdk-nag's findings about `prefix/*` one by one, so that any other wildcard still fails. A finding
 * is named after the ARN in the template, which is known only when references between stacks are settled: that
 * is, when constructs are asked to validate themselves.
 */
export function acknowledgePrefixes(
  role: IConstruct,
  bucketArn: string,
  prefixes: readonly string[],
): void {
  role.node.addValidation({
    validate: () => {
      for (const prefix of new Set(prefixes)) {
        const resource = flatten(Stack.of(role).resolve(`${bucketArn}/${prefix}*`));
        acknowledge(role, {
          id: `AwsSolutions::AwsSolutions-IAM5[Resource::${resource}]`,
          reason:
            'Object names are made by the program; the prefix is the narrowest that can be named',
        });
      }
      return [];
    },
  });
}

/** A reference as cdk-nag writes it. */
function flatten(reference: unknown): string {
  if (typeof reference === 'string') return reference;
  const intrinsic = reference as {
    readonly 'Fn::Join'?: readonly [string, readonly unknown[]];
    readonly 'Fn::GetAtt'?: readonly string[];
    readonly 'Fn::ImportValue'?: unknown;
    readonly Ref?: string;
  };
  if (intrinsic['Fn::Join']) {
    const [delimiter, parts] = intrinsic['Fn::Join'];
    return parts.map(flatten).join(delimiter);
  }
  if (intrinsic['Fn::GetAtt']) return `<${intrinsic['Fn::GetAtt'].join('.')}>`;
  if (intrinsic['Fn::ImportValue']) return flatten(intrinsic['Fn::ImportValue']);
  return intrinsic.Ref === undefined ? JSON.stringify(reference) : `<${intrinsic.Ref}>`;
}
