import { REQUIRED } from './setting.ts';
import { SETTING_NAMES, SETTING_ROWS } from './settings.ts';

/** The table of settings in README.md. */
export function renderSettingsTable(): string {
  const rows = SETTING_NAMES.map((name) => {
    const { kind, defaultText, meaning, default: value } = SETTING_ROWS[name];
    return [`\`${name}\``, kind.values, defaultText ?? renderDefault(value), meaning];
  });
  const head = ['Setting', 'Values', 'Default', 'Meaning'];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function renderDefault(value: unknown): string {
  if (value === REQUIRED) return 'required';
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
