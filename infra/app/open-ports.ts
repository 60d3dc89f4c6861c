// The setting that closes ports of the program's default listeners.
import { defaultListeners, type ProgramConfiguration } from '../bridge/configuration.ts';
import { WELL_KNOWN_PORTS } from '../network/edge.ts';

const OPEN = ['25', '587', '465'];

/** The default listeners on these ports; no ports, no change. */
export function listenersOn(ports: readonly string[]): Pick<ProgramConfiguration, 'listeners'> {
  if (ports.length === 0) return {};
  return {
    listeners: defaultListeners().filter(({ port }) =>
      ports.includes(String(WELL_KNOWN_PORTS[port])),
    ),
  };
}

export function portProblem(
  ports: readonly string[],
  config: Readonly<Record<string, unknown>>,
): string | undefined {
  const wrong = ports.find((port) => !OPEN.includes(port));
  if (wrong !== undefined) {
    return `ports: expected some of ${OPEN.join(', ')}, got ${JSON.stringify(wrong)}`;
  }
  return ports.length > 0 && 'listeners' in config
    ? 'ports: expected nothing beside "listeners" in config, which decide it'
    : undefined;
}
