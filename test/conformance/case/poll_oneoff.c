// Files are always ready, clocks run out, and what cannot be waited for is told of by an event.
#include "case.h"

int32_t raw(int32_t in, int32_t out, int32_t count, int32_t nevents) IMPORT(poll_oneoff);

static __wasi_subscription_t subscription(int tag, int fd) {
  __wasi_subscription_t each;
  memset(&each, 0, sizeof each);
  each.userdata = 7;
  each.u.tag = tag;
  if (tag == __WASI_EVENTTYPE_CLOCK) each.u.u.clock.id = fd;
  else each.u.u.fd_read.file_descriptor = fd;
  return each;
}

/// The errno of the event that comes of one subscription.
static int poll_one(int tag, int fd) {
  __wasi_subscription_t in = subscription(tag, fd);
  __wasi_event_t out;
  __wasi_size_t count = 0;
  EXPECT(SUCCESS, __wasi_poll_oneoff(&in, &out, 1, &count));
  EXPECT_TRUE(count == 1 && out.userdata == 7 && out.type == tag);
  return out.error;
}

int main(void) {
  int file = open_file();
  int reads = __WASI_EVENTTYPE_FD_READ, writes = __WASI_EVENTTYPE_FD_WRITE;
  int clock = __WASI_EVENTTYPE_CLOCK;
  EXPECT(SUCCESS, poll_one(reads, file));
  EXPECT(SUCCESS, poll_one(writes, file));
  EXPECT(SUCCESS, poll_one(writes, 1));
  EXPECT(SUCCESS, poll_one(clock, __WASI_CLOCKID_MONOTONIC));
  EXPECT(SUCCESS, poll_one(clock, __WASI_CLOCKID_REALTIME));
  EXPECT(NOTSUP, poll_one(clock, __WASI_CLOCKID_PROCESS_CPUTIME_ID));
  EXPECT(INVAL, poll_one(clock, 9));
  EXPECT(BADF, poll_one(reads, CLOSED));
  EXPECT(NOTCAPABLE, poll_one(reads, open_powerless("file.txt")));
  __wasi_subscription_t in = subscription(clock, __WASI_CLOCKID_MONOTONIC);
  __wasi_event_t out;
  __wasi_size_t count;
  EXPECT(INVAL, __wasi_poll_oneoff(&in, &out, 0, &count));
  EXPECT(FAULT, raw(FAULT_AT, ADDRESS(&out), 1, ADDRESS(&count)));
  EXPECT(FAULT, raw(ADDRESS(&in), FAULT_AT, 1, ADDRESS(&count)));
  EXPECT(FAULT, raw(ADDRESS(&in), ADDRESS(&out), 1, -1));
  return failed;
}
