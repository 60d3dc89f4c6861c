// A certificate that was placed by hand outlives the service stack, and MTA-STS can be enforced with it.
import { aws_secretsmanager as secretsmanager } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { TlsCertificate } from '../../../infra/index.ts';
import { onlyResource, resourcesOf, synthApp, synthBridge } from '../support.ts';

const SECRET = 'AWS::SecretsManager::Secret';
const ZONE = { hostedZoneId: 'Z0123456789ABC', hostedZoneName: 'example.com' };

describe('the secret of the certificate', () => {
  const { data, service } = synthApp({});

  test('the secret of the certificate is in the data stack, so that a service that is deployed again finds it', () => {
    const [[id, secret] = ['', undefined]] = Object.entries(resourcesOf(data, SECRET));
    expect(secret).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
    service.resourceCountIs(SECRET, 0);
    const filler = onlyResource(service, 'Custom::MailsluiceSelfSignedCertificate').Properties;
    const output = service.findOutputs('CertificateSecretArn')['CertificateSecretArn'] as {
      readonly Value: object;
    };
    const task = JSON.stringify(onlyResource(service, 'AWS::ECS::TaskDefinition').Properties);
    expect(filler['SecretArn']).toEqual(output.Value);
    expect(task).toContain(JSON.stringify(output.Value));
    // All of them name the output of the data stack that names the secret.
    const names = JSON.stringify(output.Value);
    const exported = Object.entries(data.findOutputs('*')).filter(([, { Value }]) =>
      JSON.stringify(Value).includes(id),
    );
    expect(exported.filter(([name]) => names.includes(name))).toHaveLength(1);
  });

  test.each([
    { certificate: 'replaced' },
    { certificate: 'acm', ...ZONE },
    { hostname: 'mail.example.com' },
  ])('the secret of the certificate stays the same with %j', (context) => {
    const ids = (template: typeof data) => Object.keys(resourcesOf(template, SECRET));
    expect(ids(synthApp(context).data)).toEqual(ids(data));
  });

  test('a certificate that was placed by hand lets MTA-STS be enforced, in the same secret', () => {
    const mtaSts = { ...ZONE, mailDomains: 'example.com', mtaSts: 'enforce' };
    expect(() => synthApp(mtaSts)).toThrow(
      'mtaSts: expected "none" or "testing" with a self-signed certificate, got "enforce": other servers would stop delivering; replace the certificate first, and say so with certificate=replaced',
    );
    const { service: enforced } = synthApp({ ...mtaSts, certificate: 'replaced' });
    expect(JSON.stringify(resourcesOf(enforced, 'AWS::Lambda::Function'))).toContain(
      'mode: enforce',
    );
    const arn = (template: typeof data) => template.findOutputs('CertificateSecretArn');
    expect(arn(enforced)).toEqual(arn(service));
  });

  test('the secret of the certificate can be given to the construct, which then makes none', () => {
    const { template } = synthBridge((stack) => ({
      certificate: TlsCertificate.selfSigned({
        secret: secretsmanager.Secret.fromSecretCompleteArn(
          stack,
          'Kept',
          'arn:aws:secretsmanager:eu-west-1:111122223333:secret:mx-AbCdEf',
        ),
      }),
    }));
    template.resourceCountIs(SECRET, 0);
    expect(onlyResource(template, 'Custom::MailsluiceSelfSignedCertificate').Properties).toEqual(
      expect.objectContaining({
        SecretArn: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:mx-AbCdEf',
      }),
    );
  });
});
