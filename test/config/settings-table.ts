// The table of all settings, generated from the schema. Ranges are the sentences of the error messages.
import type { z } from 'zod';
import { configurationSchema } from '../../src/config/schema.ts';

export interface Setting {
  /** As error messages write it; `[]` stands for each entry of a list. */
  readonly path: string;
  readonly type: string;
  /** Markdown. */
  readonly default: string;
  readonly range: string;
  readonly meaning: string;
}

type Schema = z.core.$ZodType;

export const settingsPage = new URL('../../src/config/README.md', import.meta.url);

const BEGIN = '<!-- settings: written by test/config/write-settings.ts -->\n';
const END = '<!-- end of settings -->';
const REQUIRED = '**required**';

/** The page with a new table between its markers. */
export function withSettings(page: string): string {
  const [before, rest] = page.split(BEGIN);
  const [, after] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined) throw new Error('the page has no markers');
  return `${before}${BEGIN}\n${renderSettings()}\n\n${END}${after}`;
}

export function settings(): Setting[] {
  return fieldsOf(configurationSchema, '');
}

function renderSettings(): string {
  const rows = settings().map((setting) =>
    [
      `| \`${setting.path}\``,
      setting.type,
      setting.default,
      prose(setting.range),
      `${prose(setting.meaning)} |`,
    ].join(' | '),
  );
  return ['| Setting | Type | Default | Range | Meaning |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

function fieldsOf(schema: Schema, path: string): Setting[] {
  const def = definitionOf(schema);
  if (def.type === 'union') return fieldsOfUnion(def.options, path);
  if (def.type !== 'object') return [];
  return Object.entries(def.shape).flatMap(([name, field]) =>
    fieldAt(field, path === '' ? name : `${path}.${name}`),
  );
}

/** The fields of all alternatives, each field once. */
function fieldsOfUnion(options: readonly Schema[], path: string): Setting[] {
  const byPath = new Map<string, Setting>();
  for (const setting of options.flatMap((option) => fieldsOf(option, path))) {
    const value = setting.default === REQUIRED ? `${REQUIRED} in this form` : setting.default;
    byPath.set(setting.path, { ...setting, default: value });
  }
  return [...byPath.values()];
}

/** The field itself, then those inside it. */
function fieldAt(field: Schema, path: string): Setting[] {
  const { schema, value } = withoutDefault(field);
  const def = definitionOf(schema);
  const setting = {
    path,
    type: typeOf(schema),
    default: value,
    range: rangeOf(schema),
    meaning: (schema as z.ZodType).description ?? '',
  };
  // They are those of the section `limits`.
  if (path === 'listeners[].limits') {
    return [{ ...setting, range: 'the settings of "limits" without "memory"' }];
  }
  return [
    setting,
    ...(def.type === 'array' ? fieldsOf(def.element, `${path}[]`) : fieldsOf(schema, path)),
  ];
}

function withoutDefault(field: Schema): { readonly schema: Schema; readonly value: string } {
  const def = definitionOf(field);
  if (def.type === 'optional') return { schema: def.innerType, value: 'none' };
  if (def.type !== 'default' && def.type !== 'prefault') return { schema: field, value: REQUIRED };
  // A section that may be left out has the defaults of its fields.
  const isSection = definitionOf(def.innerType).type === 'object';
  return {
    schema: def.innerType,
    value: isSection ? '' : `\`${JSON.stringify(def.defaultValue)}\``,
  };
}

function typeOf(schema: Schema): string {
  const { type } = definitionOf(schema);
  if (type === 'pipe') return expectationOf(schema).startsWith('a size') ? 'size' : 'time';
  const name = { object: 'object', array: 'list', boolean: 'boolean', enum: 'choice' }[
    type as string
  ];
  return name ?? (type === 'string' ? 'text' : 'number');
}

function rangeOf(schema: Schema): string {
  const def = definitionOf(schema);
  if (def.type === 'object') return '';
  if (def.type === 'array') {
    const isOfSections = definitionOf(def.element).type === 'object';
    return isOfSections ? expectationOf(schema) : `each ${expectationOf(def.element)}`;
  }
  return expectationOf(schema)
    .replace(/^(?:a number|a whole number|a size|a time) from /, '')
    .replace(/^one of /, '')
    .replace(/, as a number of (?:octets|seconds) or with .*$/, '')
    .replaceAll(/\B(?<=^\d+|to \d+)(?=(?:\d{3})+$)/g, ',');
}

/** Every wrong value has the same error, so any of them shows it. */
function expectationOf(schema: Schema): string {
  const { error } = (schema as z.ZodType).safeParse(Symbol('wrong'));
  const [issue] = error?.issues ?? [];
  if (issue === undefined) throw new Error('expected a schema that refuses a symbol');
  return issue.message;
}

function definitionOf(schema: Schema): z.core.$ZodTypes['_zod']['def'] {
  return (schema as z.core.$ZodTypes)._zod.def;
}

/** Quoted words as code, and no `<` or `|` that Markdown would take for a mark. */
function prose(text: string): string {
  return text.replaceAll(/"([^"]+)"/g, '`$1`').replaceAll(/[<|]/g, '\\$&');
}
