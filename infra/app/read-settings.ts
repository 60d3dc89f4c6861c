// Reads the settings: `-c name=value` on the command line, or the entry of the stage in cdk.json.
import type { Node } from 'constructs';
import { SettingsError } from '../bridge/settings-error.ts';
import { PROFILES } from './profiles.ts';
import { isRecord } from '../bridge/given-value.ts';
import { REQUIRED } from './setting.ts';
import { SETTING_NAMES, SETTING_ROWS, type SettingName, type Settings } from './settings.ts';

/** @throws SettingsError with all errors in the settings. */
export function readSettings(node: Node): Settings {
  const problems: string[] = [];
  const read = (name: SettingName, given: unknown): unknown => {
    const row = SETTING_ROWS[name];
    const { kind } = row;
    if (given === undefined) {
      if (row.default !== REQUIRED) return row.default;
      problems.push(`${name}: expected ${kind.expected}, got nothing`);
      return undefined;
    }
    const parsed = kind.parse(given);
    if (parsed.ok) return parsed.value;
    problems.push(`${name}: expected ${parsed.expected}, got ${parsed.got}`);
    return undefined;
  };

  for (const name of Object.keys(node.getAllContext() as Readonly<Record<string, unknown>>)) {
    // Those of the CDK have a colon, a slash or an "@".
    if (/^[A-Za-z]+$/.test(name) && name !== 'stages' && !(name in SETTING_ROWS)) {
      problems.push(`${name}: expected no such setting`);
    }
  }
  const contextOf = (name: string): unknown => (node.tryGetContext(name) as unknown) ?? undefined;
  const stage = read('stage', contextOf('stage'));
  const ofStage = stageEntry(contextOf('stages'), stage, problems);
  const profile = read('profile', contextOf('profile') ?? ofStage['profile']);
  const defaults = PROFILES[profile === 'small' ? 'small' : 'standard'];
  const values = new Map<SettingName, unknown>([
    ['stage', stage],
    ['profile', profile],
  ]);
  for (const name of SETTING_NAMES) {
    if (values.has(name)) continue;
    values.set(name, read(name, contextOf(name) ?? ofStage[name] ?? defaults[name]));
  }
  // Every row of the table has been read, or a problem has been found.
  const settings = Object.fromEntries(values) as Settings;
  const conflicts = SETTING_NAMES.flatMap(
    (name) => SETTING_ROWS[name].conflict?.(settings[name], settings) ?? [],
  );
  if (problems.length + conflicts.length > 0) {
    throw new SettingsError('settings (-c name=value, or "stages" in cdk.json)', [
      ...conflicts,
      ...problems,
    ]);
  }
  return settings;
}

/** The stage, whatever is wrong with the other settings. */
export function stageOf(node: Node): string {
  const { kind, default: byDefault } = SETTING_ROWS.stage;
  const parsed = kind.parse((node.tryGetContext('stage') as unknown) ?? byDefault);
  return String(parsed.ok ? parsed.value : byDefault);
}

/** The settings of a stage in cdk.json. */
function stageEntry(
  stages: unknown,
  stage: unknown,
  problems: string[],
): Readonly<Record<string, unknown>> {
  if (typeof stage !== 'string' || !isRecord(stages)) return {};
  const entry = stages[stage];
  if (!isRecord(entry)) return {};
  for (const name of Object.keys(entry)) {
    if (!(name in SETTING_ROWS)) problems.push(`stages.${stage}.${name}: expected no such setting`);
  }
  return entry;
}
