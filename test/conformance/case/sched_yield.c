// Lets others run.
#include "case.h"

int main(void) {
  for (int i = 0; i < 100; i++) EXPECT(SUCCESS, __wasi_sched_yield());
  return failed;
}
