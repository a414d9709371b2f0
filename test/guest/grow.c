// Takes memory, one MiB at a time, until there is no more, and prints how many it got; it gives
// nothing back.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20 };

int main(void) {
  int reached = 0;
  for (char *block; (block = malloc(MIB)) != NULL; reached++) {
    block[0] = block[MIB - 1] = 1;
    __asm__ volatile("" : : "r"(block) : "memory");  // or the compiler does away with the malloc
  }
  printf("%d MiB\n", reached);
  return 0;
}
