// A parser of Authentication-Results that is not ours: the Python package authres.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { failureOf, installOnce, requireInCi } from '../../support/install-once.ts';

const folder = fileURLToPath(new URL('.authres', import.meta.url));
const PACKAGE = 'authres==1.2.0';

const PARSE = `import json, sys, email, email.policy, authres
out = []
for text in json.load(sys.stdin):
    message = email.message_from_string(text, policy=email.policy.compat32)
    fields = message.get_all('Authentication-Results') or []
    parsed = [authres.AuthenticationResultsHeader.parse('Authentication-Results: ' + ' '.join(f.split())) for f in fields]
    out.append({
        'names': message.keys(),
        'ids': [p.authserv_id for p in parsed],
        'results': [{
            'method': r.method, 'result': r.result, 'reason': r.reason,
            'properties': {p.type + '.' + p.name: p.value for p in r.properties},
        } for p in parsed for r in p.results],
    })
json.dump(out, sys.stdout)
`;

export interface ParsedResults {
  /** Of the header section. */
  readonly names: readonly string[];
  readonly ids: readonly string[];
  readonly results: readonly {
    readonly method: string;
    readonly result: string;
    readonly reason: string | null;
    readonly properties: Readonly<Record<string, string>>;
  }[];
}

/** Why the parser is not there, or `undefined`. In CI it must be. */
export function missingAuthres(): string | undefined {
  const failure = installOnce(
    folder,
    PACKAGE,
    () =>
      failureOf('python3', ['-m', 'venv', folder]) ??
      failureOf(`${folder}/bin/pip`, ['install', '--quiet', PACKAGE]),
  );
  if (failure === undefined) return undefined;
  const reason = `no parser of results: ${failure}`;
  requireInCi(reason);
  return reason;
}

/** What the parser reads in each of these header sections. */
export function parseResults(sections: readonly string[]): ParsedResults[] {
  const { status, stdout, stderr } = spawnSync(`${folder}/bin/python`, ['-c', PARSE], {
    input: JSON.stringify(sections),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`authres failed: ${stderr}`);
  return JSON.parse(stdout) as ParsedResults[];
}
