// State machines as tables: the twin of wasm/c/machine.h and machine.c, which say what phases,
// events and calls mean. The numbers are the same.

// Phases.
export const NO_PHASE: u8 = 0;
export const WAIT: u8 = 1;
export const COPY: u8 = 2;

// The process.
export const RUNNING: u8 = 0;
export const BLOCKED: u8 = 1;

// Events.
export const BEGIN: u8 = 0;
export const READY: u8 = 1;
export const NOT_READY: u8 = 2;
export const TIMED_OUT: u8 = 3;
export const INTERRUPTED: u8 = 4;
export const SIGNALLED: u8 = 5;
export const OVERFLOWED: u8 = 6;
export const ARMED: u8 = 7;
export const COPIED: u8 = 8;
export const ENDED: u8 = 9;
export const FAILED: u8 = 10;
export const GREETED: u8 = 11;
export const RECEIVED: u8 = 12;
export const FILLED: u8 = 13;
export const SENT: u8 = 14;
export const DRAINED: u8 = 15;
export const EVENTS: i32 = 16;

// Calls.
export const NO_CALL: u8 = 0;
export const CALL_RECV: u8 = 1;
export const CALL_RECV_NOWAIT: u8 = 2;
export const CALL_SELECT: u8 = 3;
export const CALL_POLL: u8 = 4;
export const CALL_EPOLL_CTL: u8 = 5;
export const CALL_EPOLL_WAIT: u8 = 6;
export const CALL_SIGNAL_ARM: u8 = 7;
export const CALL_SIGNAL_WAIT: u8 = 8;
export const CALL_SUBMIT: u8 = 9;
export const CALL_REAP: u8 = 10;
export const CALL_WORK: u8 = 11;
export const CALL_SEND: u8 = 12;
export const CALL_CLOSE: u8 = 13;
export const CALLS: i32 = 14;

export const EVENT_NAMES: StaticArray<string> = [
  "BEGIN",
  "READY",
  "NOT_READY",
  "TIMED_OUT",
  "INTERRUPTED",
  "SIGNALLED",
  "OVERFLOWED",
  "ARMED",
  "COPIED",
  "ENDED",
  "FAILED",
  "GREETED",
  "RECEIVED",
  "FILLED",
  "SENT",
  "DRAINED",
];

export const CALL_NAMES: StaticArray<string> = [
  "NO_CALL",
  "RECV",
  "RECV_NOWAIT",
  "SELECT",
  "POLL",
  "EPOLL_CTL",
  "EPOLL_WAIT",
  "SIGNAL_ARM",
  "SIGNAL_WAIT",
  "SUBMIT",
  "REAP",
  "WORK",
  "SEND",
  "CLOSE",
];

// What a state of the server's machine is waited for in: select(2)'s three sets.
export const INPUTS: u8 = 1;
export const OUTPUTS: u8 = 2;
export const EXCEPTIONAL: u8 = 4;

export const PROTOCOL_ERROR: u8 = 0;

// Classes.
export const SYNCHRONOUS: i32 = 0;
export const ASYNCHRONOUS: i32 = 1;

/** What a state's row has: its phase, the process, its sets, and whether it is final. */
const COLUMNS: i32 = 4;
/** What a transition has: from a state, on an event, to a state, with a call. */
const FIELDS: i32 = 4;

@final
export class Machine {
  /** By state and event: the next state, and the call in the high byte. */
  private table: StaticArray<u16>;

  /** Where `transitions` has nothing is PROTOCOL_ERROR, which is one of the `states`. */
  constructor(
    readonly name: string,
    readonly states: i32,
    readonly initial: u8,
    readonly stateNames: StaticArray<string>,
    private rows: StaticArray<u8>,
    transitions: StaticArray<u8>,
  ) {
    this.table = new StaticArray<u16>(states * EVENTS);
    for (let i = 0; i < transitions.length; i += FIELDS) {
      const entry = <i32>transitions[i] * EVENTS + <i32>transitions[i + 1];
      this.table[entry] = <u16>transitions[i + 2] | ((<u16>transitions[i + 3]) << 8);
    }
  }

  /** The state after `event` in `state`, and the call in the high byte; both must exist. */
  step(state: u8, event: u8): u16 {
    return unchecked(this.table[<i32>state * EVENTS + <i32>event]);
  }

  phase(state: u8): u8 {
    return this.rows[<i32>state * COLUMNS];
  }

  process(state: u8): u8 {
    return this.rows[<i32>state * COLUMNS + 1];
  }

  sets(state: u8): u8 {
    return unchecked(this.rows[<i32>state * COLUMNS + 2]);
  }

  final(state: u8): bool {
    return this.rows[<i32>state * COLUMNS + 3] != 0;
  }

  /** SYNCHRONOUS if the process is blocked in a state of the phase COPY that can be reached. */
  classOf(): i32 {
    const reached = this.reachable();
    for (let state = 0; state < this.states; state++) {
      if (((reached >> state) & 1) == 0) continue;
      if (this.phase(<u8>state) == COPY && this.process(<u8>state) == BLOCKED) return SYNCHRONOUS;
    }
    return ASYNCHRONOUS;
  }

  /** The states, a bit each, that some sequence of events leads to. */
  private reachable(): u32 {
    let reached: u32 = 1 << (<u32>this.initial);
    for (let before: u32 = 0; before != reached;) {
      before = reached;
      for (let state = 0; state < this.states; state++) {
        if (((before >> state) & 1) == 0) continue;
        for (let event = 0; event < EVENTS; event++) {
          reached |= 1 << (<u32>this.step(<u8>state, <u8>event) & 0xff);
        }
      }
    }
    return reached;
  }
}
