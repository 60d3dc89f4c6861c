import {
  aws_certificatemanager as acm,
  aws_iam as iam,
  aws_lambda as lambda,
  aws_logs as logs,
  type aws_route53 as route53,
  aws_secretsmanager as secretsmanager,
  CustomResource,
  Duration,
  type IResource,
  RemovalPolicy,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledge } from '../bridge/acknowledge.ts';
import { requireArtifact } from '../tools/package-root.ts';

/** A certificate in the form that the service needs. */
export interface BoundCertificate {
  /** An entry of the program's `tls.certificates`. */
  readonly configuration:
    | { readonly secretArn: string; readonly serverNames?: string[] }
    | { readonly acmArn: string; readonly serverNames?: string[] };
  /** The rights that the task needs to read it. */
  readonly statements: readonly iam.PolicyStatement[];
  /** The secret in which the certificate is replaced by hand, if it is in a secret. */
  readonly secret?: secretsmanager.ISecret;
  /** What must exist before the first task starts. */
  readonly dependency?: Construct;
}

/** Options of a certificate that begins as a self-signed one. */
export interface SelfSignedOptions {
  /**
   * The secret, as of a stack that outlives the service. A certificate of somebody else in it is never touched.
   * @default - a new secret, retained
   */
  readonly secret?: secretsmanager.ISecret;
  /**
   * Whether the certificate in the secret has been replaced by one from a CA, which mail servers that verify accept.
   * `mtaSts: 'enforce'` is refused without it.
   * @default false
   */
  readonly replaced?: boolean;
}

/** The source of certificate and key. The program loads newer ones while it runs. */
export abstract class TlsCertificate {
  /** A secret whose JSON has `cert` (the chain) and `key`, both PEM. */
  static fromSecret(
    secret: secretsmanager.ISecret,
    options: { readonly serverNames?: readonly string[] } = {},
  ): TlsCertificate {
    return new SecretCertificate(secret, options.serverNames);
  }

  /** An exportable ACM certificate. ACM renews it, and the program exports it again. */
  static fromAcm(
    certificate: acm.ICertificate,
    options: { readonly serverNames?: readonly string[] } = {},
  ): TlsCertificate {
    return new AcmCertificate(certificate, options.serverNames);
  }

  /**
   * A new exportable ACM certificate for the host name, validated in the hosted zone. ACM charges for each issue and
   * renewal of an exportable certificate.
   */
  static exportable(hostedZone: route53.IHostedZone): TlsCertificate {
    return new NewAcmCertificate(hostedZone);
  }

  /**
   * A secret with a self-signed certificate, to be replaced by one from a CA with `put-secret-value`, without a
   * deployment. Mail servers accept it, since they do not verify; mail programs warn their users.
   */
  static selfSigned(options: SelfSignedOptions = {}): TlsCertificate {
    return new SelfSignedCertificate(options);
  }

  /** Whether a client that verifies accepts it. */
  abstract readonly isTrusted: boolean;

  /** How the program's configuration names the certificate. */
  abstract readonly source: 'secret' | 'acm';

  /** What is imported, for the check of its region. */
  get resource(): IResource | undefined {
    return undefined;
  }

  /** The errors that can be known before. */
  problems(): readonly string[] {
    return [];
  }

  /** @internal */
  abstract bind(scope: Construct, hostname: string): BoundCertificate;
}

class SecretCertificate extends TlsCertificate {
  readonly isTrusted = true;
  readonly source = 'secret';
  readonly #secret: secretsmanager.ISecret;
  readonly #serverNames: readonly string[] | undefined;

  constructor(secret: secretsmanager.ISecret, serverNames: readonly string[] | undefined) {
    super();
    this.#secret = secret;
    this.#serverNames = serverNames;
  }

  override get resource(): IResource {
    return this.#secret;
  }

  bind(): BoundCertificate {
    return {
      ...boundSecret(this.#secret),
      configuration: {
        secretArn: this.#secret.secretArn,
        ...(this.#serverNames && { serverNames: [...this.#serverNames] }),
      },
    };
  }
}

class AcmCertificate extends TlsCertificate {
  readonly isTrusted = true;
  readonly source = 'acm';
  readonly #certificate: acm.ICertificate;
  readonly #serverNames: readonly string[] | undefined;

  constructor(certificate: acm.ICertificate, serverNames: readonly string[] | undefined) {
    super();
    this.#certificate = certificate;
    this.#serverNames = serverNames;
  }

  override get resource(): IResource {
    return this.#certificate;
  }

  override problems(): readonly string[] {
    const { defaultChild } = this.#certificate.node;
    // Only one of this app is known.
    return defaultChild instanceof acm.CfnCertificate &&
      defaultChild.certificateExport !== 'ENABLED'
      ? [
          'certificate: expected an exportable certificate (allowExport: true), since the tasks read its key, got one that is not',
        ]
      : [];
  }

  bind(): BoundCertificate {
    return boundAcm(this.#certificate, this.#serverNames);
  }
}

class NewAcmCertificate extends TlsCertificate {
  readonly isTrusted = true;
  readonly source = 'acm';
  readonly #hostedZone: route53.IHostedZone;

  constructor(hostedZone: route53.IHostedZone) {
    super();
    this.#hostedZone = hostedZone;
  }

  bind(scope: Construct, hostname: string): BoundCertificate {
    return boundAcm(
      new acm.Certificate(scope, 'Certificate', {
        domainName: hostname,
        allowExport: true,
        // Signs 25 times faster than RSA 2048.
        keyAlgorithm: acm.KeyAlgorithm.EC_PRIME256V1,
        validation: acm.CertificateValidation.fromDns(this.#hostedZone),
      }),
      undefined,
    );
  }
}

class SelfSignedCertificate extends TlsCertificate {
  readonly isTrusted: boolean;
  readonly source = 'secret';
  readonly #secret: secretsmanager.ISecret | undefined;

  constructor({ secret, replaced = false }: SelfSignedOptions) {
    super();
    this.isTrusted = replaced;
    this.#secret = secret;
  }

  override get resource(): IResource | undefined {
    return this.#secret;
  }

  bind(scope: Construct, hostname: string): BoundCertificate {
    const secret = this.#secret ?? makeCertificateSecret(scope, 'CertificateSecret', hostname);
    const filled = new SelfSignedFiller(scope, 'SelfSigned', { secret, hostname });
    return { ...boundSecret(secret), dependency: filled };
  }
}

/** A secret for a certificate, with a placeholder that is replaced before the first task starts; retained. */
export function makeCertificateSecret(
  scope: Construct,
  id: string,
  hostname: string,
): secretsmanager.ISecret {
  const secret = new secretsmanager.Secret(scope, id, {
    description: `Certificate and key of ${hostname}: JSON with "cert" and "key" (PEM). Put a real one here.`,
    // Recognized by self-signed/handler.ts.
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ placeholder: true }),
      generateStringKey: 'unused',
    },
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  acknowledge(secret, {
    id: 'AwsSolutions::AwsSolutions-SMG4',
    reason:
      'Secrets Manager does not rotate a certificate: the operator puts a renewed one here, and the program loads it while it runs',
  });
  return secret as secretsmanager.ISecret;
}

class SelfSignedFiller extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { secret, hostname }: { readonly secret: secretsmanager.ISecret; readonly hostname: string },
  ) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, 'Log', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    });
    logGroup.grantWrite(role);
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'],
        resources: [secret.secretArn],
      }),
    );
    const handler = new lambda.Function(this, 'Function', {
      description: 'Puts a self-signed certificate into the secret, once',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: lambda.Code.fromAsset(requireArtifact('lambda/self-signed')),
      timeout: Duration.minutes(1),
      memorySize: 256,
      role,
      logGroup,
    });
    new CustomResource(this, 'Resource', {
      resourceType: 'Custom::MailsluiceSelfSignedCertificate',
      serviceToken: handler.functionArn,
      properties: { SecretArn: secret.secretArn, Hostname: hostname },
    }).node.addDependency(role);
  }
}

function boundSecret(secret: secretsmanager.ISecret): BoundCertificate {
  return {
    configuration: { secretArn: secret.secretArn },
    secret,
    statements: [
      new iam.PolicyStatement({
        sid: 'ReadCertificate',
        actions: ['secretsmanager:GetSecretValue'],
        // Imported by name, a secret's ARN lacks the six characters that Secrets Manager adds.
        resources: [secret.secretFullArn ?? `${secret.secretArn}-??????`],
      }),
    ],
  };
}

function boundAcm(
  certificate: acm.ICertificate,
  serverNames: readonly string[] | undefined,
): BoundCertificate {
  return {
    configuration: {
      acmArn: certificate.certificateArn,
      ...(serverNames && { serverNames: [...serverNames] }),
    },
    statements: [
      new iam.PolicyStatement({
        sid: 'ExportCertificate',
        actions: ['acm:ExportCertificate'],
        resources: [certificate.certificateArn],
      }),
    ],
  };
}
