// How large the fleet's campaigns are: short by default, for every run of the suite; in full by these variables.

function size(name: string, otherwise: number): number {
  return Number(process.env[`MAILSLUICE_FLEET_${name}`] ?? otherwise);
}

/** Rounds of restarts, kills and outages. In full: 5. */
export const ROUNDS = size('ROUNDS', 1);
/** How long each service is away. In full: 20. */
export const OUTAGE_SECONDS = size('OUTAGE_SECONDS', 3);
/** Drained with a quick SNS. In full: 15000. */
export const MARKERS = size('MARKERS', 1500);
/** Drained with a slow SNS. In full: 1000. */
export const SLOW_MARKERS = size('SLOW_MARKERS', 60);
/** Of mixed traffic. In full: 600. */
export const TRAFFIC_SECONDS = size('TRAFFIC_SECONDS', 30);
