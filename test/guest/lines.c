// Appends what it reads from descriptor argv[1] to the file argv[2], and says what is in there.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 1;
  int from = atoi(argv[1]);
  int log = open(argv[2], O_RDWR | O_CREAT | O_APPEND, 0600);
  if (log < 0) {
    perror(argv[2]);
    return 2;
  }
  char bytes[4096];
  ssize_t length;
  while ((length = read(from, bytes, sizeof bytes)) > 0)
    if (write(log, bytes, (size_t)length) != length) return 3;
  if (lseek(log, 0, SEEK_SET) != 0) return 4;
  while ((length = read(log, bytes, sizeof bytes)) > 0)
    if (write(from == 0 ? 1 : from, bytes, (size_t)length) != length) return 5;
  return 0;
}
