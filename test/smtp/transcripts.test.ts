// Every conversation in transcripts/, over every split, answered at once and answered late.
import { expect, test } from 'vitest';
import { connection, newSession } from '../support/session.ts';
import { octetByOctet } from '../support/splits.ts';
import {
  type Step,
  TLS,
  type Transcript,
  parseTranscript,
  readTranscripts,
  replayStep,
} from '../support/transcript.ts';

/** Cuts one packet into pieces. */
type Cut = (packet: Buffer) => readonly Buffer[];

/** Whole, octet by octet, and cut once at each place; the same place in every packet. */
function* everyCut(transcript: Transcript): Generator<Cut> {
  yield (packet) => [packet];
  yield octetByOctet;
  const longest = Math.max(...transcript.steps.map(({ packet }) => packet.length));
  // A packet of tens of thousands of octets is cut at a hundred places, ends included.
  const stride = Math.max(1, Math.floor(longest / 300));
  for (let place = 1; place < longest; place += place < 100 || longest - place < 100 ? 1 : stride) {
    yield (packet) =>
      place < packet.length ? [packet.subarray(0, place), packet.subarray(place)] : [packet];
  }
}

function replay(transcript: Transcript, cut: Cut, late: boolean): void {
  const { options, steps, tls, refusal, isXclientTrusted, isTrusted } = transcript;
  const trustedNetworks = { has: (client: string) => client === connection.clientAddress };
  const session = newSession(
    { ...options, ...(isTrusted && { trustedNetworks }) },
    { isXclientTrusted },
  );
  const begin = () => session.begin({ ...(tls && { tls: TLS }), ...(refusal && { refusal }) });
  for (const step of steps) {
    const pieces = step.packet.length === 0 ? [] : cut(step.packet);
    const { text, outputs, message, unasked } = replayStep(session, step, pieces, late, begin);
    const where = `${transcript.name}:${step.line}`;
    const got = { where, text, outputs, message: step.message === null ? null : message, unasked };
    expect(got).toEqual(expectationOf(where, step));
  }
}

function expectationOf(where: string, { text, outputs, message }: Step): object {
  return { where, text, outputs, message, unasked: [] };
}

const transcripts = readTranscripts(new URL('transcripts/', import.meta.url));

test('the transcripts were found', () => {
  expect(transcripts.length).toBeGreaterThan(20);
});

test.each([
  ['O: {"chunkin": true}', 'a.smtp: unknown option chunkin'],
  ['O: {"toString": true}', 'a.smtp: unknown option toString'],
  ['O: {"maxErrors": "2"}', 'a.smtp: option maxErrors cannot be "2"'],
  ['O: {"tls": "yes"}', 'a.smtp: option tls cannot be "yes"'],
  ['O: {"mechanisms": [1]}', 'a.smtp: option mechanisms cannot be [1]'],
  ['O: {"deliverBy": {"seconds": 1}}', 'a.smtp: option deliverBy cannot be {"seconds":1}'],
  ['O: {"customMechanisms": []}', 'a.smtp: option customMechanisms cannot be []'],
  ['B: tls', 'a.smtp: option tls is not "implicit"'],
  ['O: {"tls": "implicit"}', 'a.smtp: option tls is "implicit"'],
  ['S: 220 Go\n!: upgrade-tls', 'a.smtp: option tls is not "starttls"'],
  ['?: sign-in user -> accept', 'a.smtp: option auth is "none"'],
  ['O: {"auth": "optional"}', 'a.smtp: option allowInsecureAuth is false'],
])('%j is an error that names the transcript and the option', (source, message) => {
  expect(() => parseTranscript('a.smtp', source)).toThrow(message);
});

test.each(transcripts)('$name', (transcript) => {
  for (const cut of everyCut(transcript)) {
    replay(transcript, cut, false);
    replay(transcript, cut, true);
  }
});
