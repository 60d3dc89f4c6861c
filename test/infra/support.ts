// Synthesises as `cdk synth` does: with the context of cdk.json, which turns on the validator of aws-cdk-lib.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { onTestFinished } from 'vitest';
import { buildArtifacts } from '../../infra/tools/build-artifacts.ts';
import { MailBridge, type MailBridgeProps } from '../../infra/index.ts';
import { addStacks } from '../../infra/app/stacks.ts';

// What is deployed besides templates; the functions' code is part of the templates' hashes.
await buildArtifacts();

interface CdkJson {
  readonly app: string;
  readonly context: Readonly<Record<string, unknown>>;
}

export const cdkJson = JSON.parse(
  readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'),
) as CdkJson;

/** An app whose output the caller removes. */
export function newApp(context: Readonly<Record<string, unknown>> = {}): App {
  const outdir = mkdtempSync(join(tmpdir(), 'cdk-'));
  return new App({ outdir, context: { ...cdkJson.context, ...context } });
}

export function removeOutput({ outdir }: App): void {
  rmSync(outdir, { recursive: true });
}

/** An app for one test to fill and to synthesise. */
export function makeApp(context: Readonly<Record<string, unknown>> = {}): App {
  const app = newApp(context);
  onTestFinished(() => removeOutput(app));
  return app;
}

/** A stack for one test to fill and to synthesise. */
export function makeStack(props: StackProps = {}, context = {}): Stack {
  return new Stack(makeApp(context), 'Test', props);
}

export interface SynthesisedApp {
  readonly app: App;
  readonly data: Template;
  readonly service: Template;
}

/** What `cdk synth -c name=value …` writes, checked by cdk-nag besides. */
export function synthCheckedApp(context: Readonly<Record<string, unknown>>): SynthesisedApp {
  const app = newApp({ hostname: 'mx.example.com', ...context });
  Validations.of(app).addPlugins(new AwsSolutionsChecks());
  return synth(app);
}

const known = new Map<string, SynthesisedApp>();

/** What `cdk synth -c name=value …` writes; once for each context, for all files of a worker. */
export function synthApp(context: Readonly<Record<string, unknown>>): SynthesisedApp {
  const key = JSON.stringify(context);
  const made = known.get(key) ?? synth(newApp({ hostname: 'mx.example.com', ...context }));
  known.set(key, made);
  return made;
}

function synth(app: App): SynthesisedApp {
  try {
    const { data, service } = addStacks(app);
    return { app, data: Template.fromStack(data), service: Template.fromStack(service) };
  } finally {
    removeOutput(app);
  }
}

/** One stack with one bridge in it; `make` may put things beside it. */
export function synthBridge(
  make: (
    stack: Stack,
  ) => Omit<MailBridgeProps, 'configuration'> & Partial<Pick<MailBridgeProps, 'configuration'>>,
): { readonly bridge: MailBridge; readonly template: Template; readonly stack: Stack } {
  const app = newApp();
  try {
    const stack = new Stack(app, 'Test');
    const bridge = new MailBridge(stack, 'Bridge', {
      configuration: { hostname: 'mx.example.com' },
      stage: 'test',
      ...make(stack),
    });
    return { bridge, template: Template.fromStack(stack), stack };
  } finally {
    removeOutput(app);
  }
}

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

/** The resources of a type, by logical id. */
export function resourcesOf(template: Template, type: string): Readonly<Record<string, Resource>> {
  return template.findResources(type) as Record<string, Resource>;
}

/** The only resource of a type. */
export function onlyResource(template: Template, type: string): Resource {
  const resources = Object.values(resourcesOf(template, type));
  if (resources.length !== 1 || resources[0] === undefined) {
    throw new Error(`expected one ${type}, got ${resources.length}`);
  }
  return resources[0];
}
