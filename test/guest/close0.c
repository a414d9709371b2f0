// Closes its standard input, sleeps a millisecond and says that it is still there; it refuses to
// notice that no input is left.
#include <stdio.h>
#include <unistd.h>

int main(void) {
  if (close(0) != 0) {
    perror("close");
    return 1;
  }
  usleep(1000);
  puts("still here");
  return 0;
}
