// Where a session is. The table of `state.ts` is compiled once, to an array of numbers with one row for each state
// and one column for each event: a step is one load from it, and looks up no name.
import type { Verb } from './grammar/command-line.ts';
import {
  CONNECTED,
  Event,
  type EventName,
  type State,
  type StateName,
  plainStates,
  transitions,
} from './state.ts';

const names = Object.keys(transitions) as StateName[];
const events = Object.keys(Event) as EventName[];
const COLUMNS = events.length;

/** In place of a row: the event is not allowed, or leads to the state before. */
const NOWHERE = -1;
const BACK = -2;

/** The compiled table: the row of the state that each event leads to in each state, row after row. */
const targets: readonly (number | undefined)[] = names.flatMap((name) =>
  events.map((event) => {
    const target = transitions[name][event];
    if (target === undefined) return undefined;
    return target === 'back' ? BACK : names.indexOf(target);
  }),
);

/** By row: the states that hold nothing. */
const plain = names.map((name) => plainStates[name]);

const eventOf: ReadonlyMap<string, Event> = new Map(Object.entries(Event));

export class StateMachine {
  #state: State = CONNECTED;
  #row = names.indexOf('connected');
  /** The row that `back` leads to: that of the state before the last step to another state. */
  #rowBefore = NOWHERE;

  get state(): State {
    return this.#state;
  }

  /** Whether the command may come now. */
  allows(verb: Verb): boolean {
    const event = eventOf.get(verb);
    return event !== undefined && targets[this.#row * COLUMNS + event] !== undefined;
  }

  /** Makes one step; `entered` is the state that it leads to, if that holds anything. */
  step(event: Event, entered?: State): void {
    const target = targets[this.#row * COLUMNS + event] ?? NOWHERE;
    if (target === BACK && 'back' in this.#state) {
      this.#state = this.#state.back;
      this.#row = this.#rowBefore;
      return;
    }
    if (target === this.#row && entered === undefined) return;
    const state = entered ?? plain[target];
    if (state === undefined || state.name !== names[target]) {
      throw new Error(`${events[event]} leads nowhere in state ${this.#state.name}`);
    }
    this.#rowBefore = this.#row;
    this.#row = target;
    this.#state = state;
  }
}
