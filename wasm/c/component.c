// The component of the machines: interface "machines" of wasm/wit/pollux.wit, by the canonical ABI.
// It imports nothing and allocates nothing: what it answers is the tables themselves, or lies in
// places of its own.
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "machine.h"

#define EXPORT(name) __attribute__((export_name("pollux:io/machines@0.1.0#" name)))

// The layouts of the canonical ABI. A string is a list of bytes; an enum or a few flags, one byte.
struct list {
  const void *first;
  uint32_t length;
};

struct state_record {
  struct list name;
  uint8_t phase, process, sets, final;
};

struct machine_record {
  struct list name, states;
  uint8_t initial;
  struct list table;
  struct {
    uint8_t given, value;
  } class;
};

_Static_assert(sizeof(struct step) == 2 && sizeof(struct list) == 8, "as the canonical ABI");
_Static_assert(sizeof(struct state_record) == 12 && sizeof(struct machine_record) == 32, "too");

static struct list string(const char *text) { return (struct list){text, strlen(text)}; }

// A machine of which no state copies is no I/O model, and belongs to no class.
static bool copies(const struct machine *machine) {
  for (uint8_t i = 0; i < machine->states; i++)
    if (machine->state[i].phase == COPY) return true;
  return false;
}

EXPORT("all") const struct list *all(void) {
  static struct state_record states[MACHINES][MAX_STATES];
  static struct machine_record records[MACHINES];
  static const struct list answer = {records, MACHINES};
  for (uint8_t m = 0; m < MACHINES; m++) {
    const struct machine *machine = machines[m];
    for (uint8_t s = 0; s < machine->states; s++) {
      const struct state *state = &machine->state[s];
      states[m][s] = (struct state_record){string(state->name), state->phase, state->process,
                                           state->sets, state->final};
    }
    records[m] = (struct machine_record){
        .name = string(machine->name),
        .states = {states[m], machine->states},
        .initial = machine->initial,
        .table = {machine->table, machine->states * EVENTS},
        .class = {copies(machine), machine_class(machine)},
    };
  }
  return &answer;
}

// The numbers 0, 1, 2 ..., which are what enums are.
static const struct list *numbers(uint32_t length) {
  static const uint8_t number[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  _Static_assert(EVENTS <= sizeof(number) && CALLS <= sizeof(number), "one for each");
  static struct list answer;
  answer = (struct list){number, length};
  return &answer;
}

EXPORT("events") const struct list *events(void) { return numbers(EVENTS); }

EXPORT("calls") const struct list *calls(void) { return numbers(CALLS); }

EXPORT("step") const struct step *step(uint32_t machine, uint32_t state, uint32_t event) {
  static struct step answer;
  const bool exists = machine < MACHINES && state < machines[machine]->states && event < EVENTS;
  answer = exists ? machine_step(machines[machine], state, event)
                  : (struct step){PROTOCOL_ERROR, NO_CALL};
  return &answer;
}
