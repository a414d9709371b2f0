// All machines as one module, for whoever holds them against the tables in C: flat functions of
// integers, which import nothing. What does not exist answers 0, which is PROTOCOL_ERROR.
import { asyncMachine } from "./async";
import { blockingMachine } from "./blocking";
import { epollEdgeMachine, epollMachine } from "./epoll";
import { CALL_NAMES, CALLS, EVENT_NAMES, EVENTS, Machine } from "./machine";
import { nonblockingMachine } from "./nonblocking";
import { pollMachine } from "./poll";
import { selectMachine } from "./select";
import { serverMachine } from "./server";
import { signalMachine } from "./signal";

const MACHINES: StaticArray<Machine> = [
  blockingMachine,
  nonblockingMachine,
  selectMachine,
  pollMachine,
  epollMachine,
  epollEdgeMachine,
  signalMachine,
  asyncMachine,
  serverMachine,
];

function exists(machine: i32, state: i32): bool {
  return <u32>machine < <u32>MACHINES.length && <u32>state < <u32>MACHINES[machine].states;
}

export function machines(): i32 {
  return MACHINES.length;
}

export function states(machine: i32): i32 {
  return exists(machine, 0) ? MACHINES[machine].states : 0;
}

export function events(): i32 {
  return EVENTS;
}

export function calls(): i32 {
  return CALLS;
}

export function initial(machine: i32): i32 {
  return exists(machine, 0) ? MACHINES[machine].initial : 0;
}

/** The next state, and the call in the second byte. */
export function step(machine: i32, state: i32, event: i32): i32 {
  if (!exists(machine, state) || <u32>event >= <u32>EVENTS) return 0;
  return MACHINES[machine].step(<u8>state, <u8>event);
}

export function phase(machine: i32, state: i32): i32 {
  return exists(machine, state) ? MACHINES[machine].phase(<u8>state) : 0;
}

export function process(machine: i32, state: i32): i32 {
  return exists(machine, state) ? MACHINES[machine].process(<u8>state) : 0;
}

export function sets(machine: i32, state: i32): i32 {
  return exists(machine, state) ? MACHINES[machine].sets(<u8>state) : 0;
}

export function final(machine: i32, state: i32): i32 {
  return exists(machine, state) ? i32(MACHINES[machine].final(<u8>state)) : 0;
}

export function classOf(machine: i32): i32 {
  return exists(machine, 0) ? MACHINES[machine].classOf() : 0;
}

// Names come letter by letter; 0 is behind the last one.

function letter(name: string, at: i32): i32 {
  return <u32>at < <u32>name.length ? name.charCodeAt(at) : 0;
}

export function machineName(machine: i32, at: i32): i32 {
  return exists(machine, 0) ? letter(MACHINES[machine].name, at) : 0;
}

export function stateName(machine: i32, state: i32, at: i32): i32 {
  return exists(machine, state) ? letter(MACHINES[machine].stateNames[state], at) : 0;
}

export function eventName(event: i32, at: i32): i32 {
  return <u32>event < <u32>EVENTS ? letter(EVENT_NAMES[event], at) : 0;
}

export function callName(call: i32, at: i32): i32 {
  return <u32>call < <u32>CALLS ? letter(CALL_NAMES[call], at) : 0;
}
