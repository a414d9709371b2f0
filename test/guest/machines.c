// The tables in C as one module, with the functions of wasm/as/machines.ts. What does not exist
// answers 0, which is PROTOCOL_ERROR.
#include <stddef.h>

#include "machine.h"

#define EXPORT(name) __attribute__((export_name(#name))) int32_t export_##name

static bool exists(uint32_t machine, uint32_t state) {
  return machine < MACHINES && state < machines[machine]->states;
}

static const struct state *state_of(uint32_t machine, uint32_t state) {
  static const struct state none;
  return exists(machine, state) ? &machines[machine]->state[state] : &none;
}

static int32_t letter(const char *name, uint32_t at) {
  for (uint32_t i = 0; name != NULL && name[i] != 0; i++) {
    if (i == at) return name[i];
  }
  return 0;
}

EXPORT(machines)(void) { return MACHINES; }
EXPORT(states)(uint32_t machine) { return exists(machine, 0) ? machines[machine]->states : 0; }
EXPORT(events)(void) { return EVENTS; }
EXPORT(calls)(void) { return CALLS; }
EXPORT(initial)(uint32_t machine) { return exists(machine, 0) ? machines[machine]->initial : 0; }

EXPORT(step)(uint32_t machine, uint32_t state, uint32_t event) {
  if (!exists(machine, state) || event >= EVENTS) return 0;
  struct step step = machine_step(machines[machine], (uint8_t)state, (enum event)event);
  return step.state | step.call << 8;
}

EXPORT(phase)(uint32_t machine, uint32_t state) { return state_of(machine, state)->phase; }
EXPORT(process)(uint32_t machine, uint32_t state) { return state_of(machine, state)->process; }
EXPORT(sets)(uint32_t machine, uint32_t state) { return state_of(machine, state)->sets; }
EXPORT(final)(uint32_t machine, uint32_t state) { return state_of(machine, state)->final; }

EXPORT(classOf)(uint32_t machine) {
  return exists(machine, 0) ? (int32_t)machine_class(machines[machine]) : 0;
}

EXPORT(machineName)(uint32_t machine, uint32_t at) {
  return exists(machine, 0) ? letter(machines[machine]->name, at) : 0;
}

EXPORT(stateName)(uint32_t machine, uint32_t state, uint32_t at) {
  return letter(state_of(machine, state)->name, at);
}

EXPORT(eventName)(uint32_t event, uint32_t at) {
  return event < EVENTS ? letter(event_names[event], at) : 0;
}

EXPORT(callName)(uint32_t call, uint32_t at) {
  return call < CALLS ? letter(call_names[call], at) : 0;
}
