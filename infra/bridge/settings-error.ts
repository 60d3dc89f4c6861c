/** Props or settings that cannot be used. The message has all errors, one a line. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly code = 'MAILSLUICE_SETTINGS_INVALID';

  constructor(what: string, problems: readonly string[]) {
    const lines = problems.map((problem) => `  ${problem}`).join('\n');
    super(
      `${what}: ${problems.length === 1 ? 'one error' : `${problems.length} errors`}\n${lines}`,
    );
  }
}
