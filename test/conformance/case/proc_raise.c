// Signals that are ignored, that nobody could undo, or that are none, and one that ends the guest.
#include "case.h"

// https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#signal
enum { NONE, TERM = 15, CHLD = 16, CONT, STOP, TTOU = 21, URG, WINCH = 27, SYS = 30 };

int32_t raw(int32_t signal) IMPORT(proc_raise);

int main(void) {
  int ignored[] = {NONE, CHLD, CONT, URG, WINCH};
  for (unsigned i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
    EXPECT(SUCCESS, raw(ignored[i]));
  EXPECT(NOTSUP, raw(STOP));
  EXPECT(NOTSUP, raw(TTOU));
  EXPECT(INVAL, raw(SYS + 1));
  EXPECT(INVAL, raw(-1));
  if (failed) return failed;
  raw(TERM);
  return 1;
}
