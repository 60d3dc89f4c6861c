// The policy host of MTA-STS (RFC 8461): one small text over HTTPS, at https://mta-sts.DOMAIN/.well-known/.
import { createHash } from 'node:crypto';
import {
  aws_apigatewayv2 as apigateway,
  aws_apigatewayv2_integrations as integrations,
  aws_certificatemanager as acm,
  aws_iam as iam,
  aws_lambda as lambda,
  aws_logs as logs,
  aws_route53 as route53,
  aws_route53_targets as targets,
  Duration,
  RemovalPolicy,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledge } from '../bridge/acknowledge.ts';

/** A policy in testing expires soon, so that an error in it does; RFC 8461 section 3.2 asks for weeks otherwise. */
const MAX_AGE_SECONDS = { testing: 86_400, enforce: 2_592_000 } as const;

/** RFC 8461 section 3.2. */
export function mtaStsPolicy(hostname: string, mode: 'testing' | 'enforce'): string {
  return `version: STSv1\r\nmode: ${mode}\r\nmx: ${hostname}\r\nmax_age: ${MAX_AGE_SECONDS[mode]}\r\n`;
}

/** A hash of the policy, so that the id changes with it, as RFC 8461 section 3.1 requires. */
export function mtaStsPolicyId(policy: string): string {
  return createHash('sha256').update(policy).digest('hex').slice(0, 32);
}

export interface MtaStsHostProps {
  readonly zone: route53.IHostedZone;
  readonly domain: string;
  readonly hostname: string;
  readonly mode: 'testing' | 'enforce';
}

export class MtaStsHost extends Construct {
  constructor(scope: Construct, id: string, props: MtaStsHostProps) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, 'Log', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const handler = this.#makeHandler(props, logGroup);
    const domainName = this.#makeDomainName(props);
    const api = this.#makeApi(props, handler);
    new apigateway.HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      domainMapping: { domainName },
      throttle: { rateLimit: 50, burstLimit: 100 },
      accessLogSettings: { destination: new apigateway.LogGroupLogDestination(logGroup) },
    });
    new route53.ARecord(this, 'Address', {
      zone: props.zone,
      recordName: `${hostOf(props)}.`,
      target: route53.RecordTarget.fromAlias(
        new targets.ApiGatewayv2DomainProperties(
          domainName.regionalDomainName,
          domainName.regionalHostedZoneId,
        ),
      ),
    });
  }

  #makeHandler(
    { domain, hostname, mode }: MtaStsHostProps,
    logGroup: logs.LogGroup,
  ): lambda.Function {
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    });
    logGroup.grantWrite(role);
    return new lambda.Function(this, 'Function', {
      description: `MTA-STS policy of ${domain}`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: lambda.Code.fromInline(
        "exports.handler = async () => ({ statusCode: 200, headers: { 'content-type': 'text/plain' }, body: process.env.POLICY });",
      ),
      environment: { POLICY: mtaStsPolicy(hostname, mode) },
      timeout: Duration.seconds(5),
      role,
      logGroup,
    });
  }

  #makeDomainName(props: MtaStsHostProps): apigateway.DomainName {
    const domainName = hostOf(props);
    return new apigateway.DomainName(this, 'DomainName', {
      domainName,
      certificate: new acm.Certificate(this, 'Certificate', {
        domainName,
        validation: acm.CertificateValidation.fromDns(props.zone),
      }),
    });
  }

  #makeApi({ domain }: MtaStsHostProps, handler: lambda.Function): apigateway.HttpApi {
    const api = new apigateway.HttpApi(this, 'Api', {
      description: `MTA-STS policy of ${domain}`,
      createDefaultStage: false,
      disableExecuteApiEndpoint: true,
    });
    const [route] = api.addRoutes({
      path: '/.well-known/mta-sts.txt',
      methods: [apigateway.HttpMethod.GET],
      integration: new integrations.HttpLambdaIntegration('Policy', handler),
    });
    if (route !== undefined) {
      acknowledge(route, {
        id: 'AwsSolutions::AwsSolutions-APIG4',
        reason: 'RFC 8461 section 3.3: every mail server must be able to read the policy',
      });
    }
    return api;
  }
}

function hostOf({ domain }: MtaStsHostProps): string {
  return `mta-sts.${domain}`;
}
