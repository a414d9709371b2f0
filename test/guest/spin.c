// Says "spinning" and then does nothing, for ever; it makes no further call, so that only its host
// can end it.
#include <stdio.h>

int main(void) {
  puts("spinning");
  fflush(stdout);
  for (volatile unsigned turns = 0;; turns++) {
  }
}
