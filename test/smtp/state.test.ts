// The table of transitions, and the diagram that is made from it.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VERBS } from '../../src/smtp/grammar/command-line.ts';
import { StateMachine } from '../../src/smtp/state-machine.ts';
import {
  CONNECTED,
  Event,
  type EventName,
  GREETED,
  type State,
  type StateName,
  transitions,
} from '../../src/smtp/state.ts';
import { COMMAND, PAGE, renderStateDiagram, withDiagram } from './state-diagram.ts';

const names = Object.keys(transitions) as StateName[];

function isAllowed(event: EventName, state: StateName): boolean {
  return transitions[state][event] !== undefined;
}

test('the state diagram in ARCHITECTURE.md is the one of the table', () => {
  const page = readFileSync(PAGE, 'utf8');
  const expected = withDiagram(page, renderStateDiagram(transitions));
  expect(page, `the table has changed: write the diagram anew with \`${COMMAND}\``).toBe(expected);
});

test('a page without the markers is an error that names them', () => {
  expect(() => withDiagram('# Architecture\n', '')).toThrow('<!-- state diagram: begin -->');
});

test('the state diagram has every state and every event of the table', () => {
  const diagram = renderStateDiagram(transitions);
  for (const name of names) {
    expect(diagram).toMatch(new RegExp(`^ +${name} --> `, 'm'));
    for (const event of Object.keys(transitions[name])) expect(diagram).toContain(event);
  }
});

test('every state can be reached, and the session can end in every state', () => {
  const targets = new Set(names.flatMap((name) => Object.values(transitions[name])));
  expect(names.filter((name) => !targets.has(name))).toEqual([]);
  expect(names.filter((name) => !isAllowed('ended', name))).toEqual(['closed']);
});

test('every command is allowed in some state', () => {
  expect(VERBS.filter((verb) => !names.some((name) => isAllowed(verb, name)))).toEqual([]);
});

test('a state that leads back to the state before is left only by that, or by the end of the session', () => {
  const detours = names.filter((name) => Object.values(transitions[name]).includes('back'));
  expect(detours).toEqual(['skipping', 'asking']);
  for (const name of detours) {
    expect(new Set(Object.values(transitions[name]))).toEqual(new Set(['back', 'closed']));
  }
});

test('the numbers of the events are the columns of the table', () => {
  expect(Object.values(Event)).toEqual(Object.keys(Event).map((_, index) => index));
});

const asking: State = {
  name: 'asking',
  verb: 'HELO',
  question: { kind: 'helo', clientDomain: 'client.example' },
  back: GREETED,
  chunk: undefined,
};

/** A machine in the state `greeted`. */
function greeted(): StateMachine {
  const machine = new StateMachine();
  machine.step(Event.EHLO);
  return machine;
}

test('an event leads to the state of the table, with what that state holds', () => {
  expect(new StateMachine().state).toBe(CONNECTED);
  const machine = greeted();
  expect(machine.state).toBe(GREETED);
  machine.step(Event.NOOP);
  expect(machine.state).toBe(GREETED);
  machine.step(Event.question, asking);
  expect(machine.state).toBe(asking);
  machine.step(Event.answer);
  expect(machine.state).toBe(GREETED);
  machine.step(Event.XCLIENT);
  expect(machine.state).toBe(CONNECTED);
});

test('a step that is not allowed leads nowhere and changes nothing', () => {
  const skipping: State = { name: 'skipping', remainingOctets: 1, back: GREETED };
  const connected = new StateMachine();
  expect(() => connected.step(Event.MAIL)).toThrow('MAIL leads nowhere in state connected');
  expect(() => connected.step(Event.MAIL, skipping)).toThrow(
    'MAIL leads nowhere in state connected',
  );
  expect(connected.state).toBe(CONNECTED);
  const machine = greeted();
  expect(() => machine.step(Event.MAIL, skipping)).toThrow('MAIL leads nowhere in state greeted');
  expect(() => machine.step(Event.MAIL)).toThrow('MAIL leads nowhere in state greeted');
  expect(machine.state).toBe(GREETED);
});

test('a machine allows the commands that the row of its state has', () => {
  const machine = greeted();
  for (const verb of VERBS) expect(machine.allows(verb)).toBe(isAllowed(verb, 'greeted'));
  machine.step(Event.question, asking);
  expect(VERBS.filter((verb) => machine.allows(verb))).toEqual([]);
  machine.step(Event.answer);
  expect(machine.allows('MAIL')).toBe(true);
  machine.step(Event.STARTTLS);
  expect(machine.allows('MAIL')).toBe(false);
});
