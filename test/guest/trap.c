// Traps three calls deep, main -> outer -> inner, so that a host can show where.
#include <stdio.h>

__attribute__((noinline)) static int inner(int depth) {
  printf("trapping at depth %d\n", depth);
  fflush(stdout);
  __builtin_trap();
}

// What follows the call keeps it from being a tail call, which would leave no frame.
__attribute__((noinline)) static int outer(int depth) { return inner(depth + 1) + 1; }

int main(void) { return outer(1) + 1; }
