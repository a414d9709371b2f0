// Signals that are ignored, that there are not, that nobody could undo, and one that ends the guest.
#include "case.h"

int32_t raw(int32_t signal) IMPORT(proc_raise);

int main(void) {
  int ignored[] = {__WASI_SIGNAL_NONE, __WASI_SIGNAL_CHLD, __WASI_SIGNAL_CONT, __WASI_SIGNAL_URG,
                   __WASI_SIGNAL_WINCH};
  for (unsigned i = 0; i < sizeof ignored / sizeof ignored[0]; i++) EXPECT(SUCCESS, raw(ignored[i]));
  EXPECT(NOTSUP, raw(__WASI_SIGNAL_STOP));
  EXPECT(NOTSUP, raw(__WASI_SIGNAL_TTOU));
  EXPECT(INVAL, raw(31));
  EXPECT(INVAL, raw(-1));
  if (failed) return failed;
  raw(__WASI_SIGNAL_TERM);
  return 1;
}
