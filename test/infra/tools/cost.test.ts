import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  breakEvenWithSes,
  monthlyCost,
  renderBreakEven,
  renderCostTable,
} from '../../../infra/tools/cost.ts';

const readme = readFileSync(new URL('../../../infra/README.md', import.meta.url), 'utf8');

/** Worked out by hand from the price lists, once, without this calculator: dollars a month, least and most. */
const byHand = [
  [1, 80, 146],
  [10, 239, 304],
  [100, 1742, 1805],
  [1000, 16_450, 16_490],
] as const;

function within(percent: number, value: number, expected: number): boolean {
  return Math.abs(value - expected) <= (expected * percent) / 100;
}

describe('the calculator', () => {
  test.each(byHand)(
    'the cost calculator at %i messages a second agrees within 10 %% with the bill by hand',
    (rate, least, most) => {
      const totals = Object.values(monthlyCost(rate).total);
      expect(within(10, Math.min(...totals), least)).toBe(true);
      expect(within(10, Math.max(...totals), most)).toBe(true);
    },
  );

  test.each([
    ['public', 0.64e6],
    ['nat', 0.9e6],
    ['endpoints', 1.3e6],
  ] as const)('with %s SES is cheaper below about %i messages a month', (egress, messages) => {
    expect(within(10, breakEvenWithSes(egress), messages)).toBe(true);
  });

  test('by the cost calculator, below the break-even SES costs less, above it more', () => {
    for (const egress of ['public', 'nat', 'endpoints'] as const) {
      const rate = breakEvenWithSes(egress) / (30 * 24 * 3600);
      const [below, above] = [monthlyCost(rate * 0.8), monthlyCost(rate * 1.2)];
      expect(below.ses).toBeLessThan(below.total[egress]);
      expect(above.ses).toBeGreaterThan(above.total[egress]);
    }
  });

  test('the cost calculator: what the page says is what it prints', () => {
    expect(readme).toContain(renderCostTable());
    expect(readme).toContain(renderBreakEven());
  });
});
