// The resolution of each clock, and of one that there is not.
#include "case.h"

int32_t raw(int32_t id, int32_t resolution) IMPORT(clock_res_get);

int main(void) {
  for (int id = 0; id < 4; id++) {
    __wasi_timestamp_t resolution = 0;
    EXPECT(SUCCESS, raw(id, ADDRESS(&resolution)));
    EXPECT_TRUE(resolution > 0 && resolution <= 1000000000);
  }
  __wasi_timestamp_t resolution;
  EXPECT(INVAL, raw(4, ADDRESS(&resolution)));
  EXPECT(INVAL, raw(-1, ADDRESS(&resolution)));
  EXPECT(FAULT, raw(0, FAULT_AT + 9));
  return failed;
}
