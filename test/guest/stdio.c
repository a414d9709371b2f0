// Copies stdin to stdout until the end, says on stderr what it was started with, and exits with the
// code that argv[1] names.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
  static char bytes[65536];
  size_t length;
  while ((length = fread(bytes, 1, sizeof bytes, stdin)) > 0) {
    if (fwrite(bytes, 1, length, stdout) != length) {
      perror("stdout");
      return 1;
    }
  }
  int variables = 0;
  while (environ != NULL && environ[variables] != NULL) variables++;
  fprintf(stderr, "argc=%d\n", argc);
  for (int i = 0; i < argc; i++) fprintf(stderr, "argv[%d]=%s\n", i, argv[i]);
  fprintf(stderr, "env=%d\n", variables);
  return argc > 1 ? atoi(argv[1]) : 0;
}
