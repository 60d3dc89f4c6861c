import { PROFILES } from './profiles.ts';
import { REQUIRED } from './setting.ts';
import { SETTING_NAMES, SETTING_ROWS } from './settings.ts';

/** The table of settings in README.md. */
export function renderSettingsTable(): string {
  const rows = SETTING_NAMES.map((name) => {
    const { kind, defaultText, meaning, fixed, default: value } = SETTING_ROWS[name];
    const byDefault = defaultText ?? renderDefault(value);
    const { [name]: small } = PROFILES.small;
    return [
      `\`${name}\``,
      kind.values,
      small === undefined ? byDefault : `${byDefault}; ${renderDefault(small)} with \`small\``,
      fixed === undefined
        ? meaning
        : `${meaning}; [only at the first deployment](#what-can-be-changed-later)`,
    ];
  });
  const head = ['Setting', 'Values', 'Default', 'Meaning'];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function renderDefault(value: unknown): string {
  if (value === REQUIRED) return 'required';
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
