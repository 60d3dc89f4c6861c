// The table of transitions, and the diagram that is made from it.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VERBS } from '../../src/smtp/grammar/command-line.ts';
import {
  CONNECTED,
  GREETED,
  type State,
  type StateName,
  isAllowed,
  nextState,
  transitions,
} from '../../src/smtp/state.ts';
import { COMMAND, PAGE, renderStateDiagram, withDiagram } from './state-diagram.ts';

const names = Object.keys(transitions) as StateName[];

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

test('an event leads to the state of the table, with what that state holds', () => {
  const asking: State = {
    name: 'asking',
    verb: 'HELO',
    question: { kind: 'helo', clientDomain: 'client.example' },
    back: GREETED,
    chunk: undefined,
  };
  expect(nextState(GREETED, 'question', asking)).toBe(asking);
  expect(nextState(asking, 'answer')).toBe(GREETED);
  expect(nextState(CONNECTED, 'EHLO')).toBe(GREETED);
  expect(nextState(GREETED, 'NOOP')).toBe(GREETED);
});

test('an event that is not in the row of its state, or leads elsewhere, is an error of ours', () => {
  expect(() => nextState(CONNECTED, 'MAIL')).toThrow('MAIL leads nowhere in state connected');
  const skipping: State = { name: 'skipping', remainingOctets: 1, back: GREETED };
  expect(() => nextState(GREETED, 'MAIL', skipping)).toThrow('MAIL leads nowhere in state greeted');
});
