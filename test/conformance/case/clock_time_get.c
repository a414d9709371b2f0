// The time of each clock, and of one that there is not.
#include "case.h"

int32_t raw(int32_t id, int64_t precision, int32_t time) IMPORT(clock_time_get);

int main(void) {
  for (int id = 0; id < 4; id++) {
    __wasi_timestamp_t first = 0, second = 0;
    EXPECT(SUCCESS, raw(id, 0, ADDRESS(&first)));
    EXPECT(SUCCESS, raw(id, 1000000000, ADDRESS(&second)));
    EXPECT_TRUE(first > 0 && (id == __WASI_CLOCKID_REALTIME || second >= first));
  }
  __wasi_timestamp_t time;
  EXPECT(INVAL, raw(4, 0, ADDRESS(&time)));
  EXPECT(FAULT, raw(0, 0, FAULT_AT + 9));
  return failed;
}
