// The reports over a real log and real metrics, and what came of the events that they were given.
import { mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAddressView } from '../../../src/app/report/address-view.ts';
import { reportApp } from '../../../src/app/report/app.ts';
import { reportBridge } from '../../../src/app/report/bridge.ts';
import { reportCredentials } from '../../../src/app/report/credentials.ts';
import { reportServer } from '../../../src/app/report/server.ts';
import { reportVerify } from '../../../src/app/report/verify.ts';
import { createLog, type MetricName, MetricsRegistry } from '../../../src/telemetry/index.ts';

export interface Line {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

export function startReports() {
  const path = join(mkdtempSync(join(tmpdir(), 'report-')), 'log');
  const log = createLog({ level: 'debug', fd: openSync(path, 'a') });
  const metrics = new MetricsRegistry();
  return {
    server: reportServer(log, metrics, createAddressView('domain')),
    bridge: reportBridge(log, metrics, createAddressView('domain')),
    credentials: reportCredentials(log, metrics),
    verify: reportVerify(log, metrics, createAddressView('domain')),
    app: reportApp(log, metrics),
    async lines(): Promise<Line[]> {
      await log.flush();
      const text = readFileSync(path, 'utf8');
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Line);
    },
    /** Every metric that has a value, with its sum over all labels. */
    values(): Partial<Record<MetricName, number>> {
      const sums: Partial<Record<MetricName, number>> = {};
      for (const report of metrics.readAll()) {
        const value = report.kind === 'number' ? report.value : report.count;
        sums[report.name] = (sums[report.name] ?? 0) + value;
      }
      return sums;
    },
  };
}
