// Debian's Chromium, for the tests of the page. Where there is none its tests are skipped, with the reason; under CI they fail.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export const browserFile = PLACES.find((place) => existsSync(place));

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(browserFile !== undefined && { executablePath: browserFile }),
    // Its sandbox needs rights that root in a container lacks. What is tested is the page's policies, not the browser's.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}

/** Why the page cannot be tested here; `undefined` where it can. */
export function missingBrowser(): string | undefined {
  if (browserFile !== undefined) return undefined;
  const reason = 'not installed: chromium';
  if (process.env['CI'] === 'true') throw new Error(`${reason}; CI runs every test, see .ci/run`);
  return reason;
}
