/* Exchanges two names, atomically and as fast as it can, until it has done so as often as asked.
 * usage: swap COUNT NAME OTHER */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXCHANGE 2 /* RENAME_EXCHANGE */

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  for (long left = atol(argv[1]); left > 0; left--) {
    if (syscall(SYS_renameat2, AT_FDCWD, argv[2], AT_FDCWD, argv[3], EXCHANGE) < 0) {
      perror("swap");
      return 1;
    }
  }
  return 0;
}
