// Passes its own fault point as often as its argument says, and exits with how often something went
// wrong there; it refuses to do any I/O.
#include <stdlib.h>

#include "pollux.h"

int main(int argc, char **argv) {
  int wrong = 0;
  for (int i = argc > 1 ? atoi(argv[1]) : 1; i > 0; i--) wrong += pollux_maybe("here");
  return wrong;
}
