/** Settings of the ready app that make other templates, each with what is special about it. */
export const APP_VARIANTS: readonly (readonly [name: string, context: Record<string, string>])[] = [
  ['with nothing but a host name', {}],
  [
    'with a customer managed key and an object lock',
    { customerManagedKey: 'true', objectLockDays: '30' },
  ],
  [
    'with an object lock that nobody can lift',
    { objectLockDays: '30', objectLockMode: 'compliance' },
  ],
  ['without a NAT gateway, by interface endpoints', { egress: 'endpoints' }],
  ['without a NAT gateway, by public addresses', { egress: 'public' }],
  ['as small as possible', { profile: 'small' }],
  ['with both scanners', { scanners: 'spam,virus' }],
  [
    'with a scanner of viruses, GuardDuty and a key of its own',
    { scanners: 'virus', malwareProtection: 'true', customerManagedKey: 'true' },
  ],
  ['with IPv6', { dualStack: 'true' }],
  ['in three zones on x86', { zones: '3', architecture: 'x86_64', cpu: '1024', memoryMiB: '2048' }],
  ['with mail that expires', { expireAfterDays: '365' }],
  ['with the example subscriber', { exampleSubscriber: 'true', customerManagedKey: 'true' }],
  [
    'with everything in Route 53, and mail to an operator',
    {
      hostedZoneId: 'Z0123456789ABC',
      hostedZoneName: 'example.com',
      mailDomains: 'example.com, in.example.com',
      mtaSts: 'enforce',
      certificate: 'acm',
      tlsReportAddress: 'tls@example.com',
      receiveOnly: 'true',
      alarmEmail: 'oncall@example.com',
    },
  ],
  [
    'with a certificate from a secret',
    {
      certificateSecretArn:
        'arn:aws:secretsmanager:eu-west-1:111122223333:secret:mx-certificate-AbCdEf',
    },
  ],
  [
    'with a certificate from ACM',
    {
      certificateArn:
        'arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
    },
  ],
];
