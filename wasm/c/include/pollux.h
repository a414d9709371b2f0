// Module "pollux": what WASI preview1 lacks, for a guest in C: epoll, signal-driven and
// asynchronous I/O, and fault points. It adds no right that a descriptor does not have already.
//
// Every function answers 0 or an errno of WASI (<errno.h> of wasi-libc has the same numbers), and
// its results through pointers. A timeout is in nanoseconds; 0 only looks, a negative one is for
// ever. Struct layouts are part of the ABI; wasm/wit/pollux.wit says the same in WIT.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define POLLUX_FUNCTION(name) \
  __attribute__((import_module("pollux"), import_name(#name), warn_unused_result)) int pollux_##name

// ---- epoll(7)

enum {
  POLLUX_EPOLLIN = 0x1,
  POLLUX_EPOLLPRI = 0x2,
  POLLUX_EPOLLOUT = 0x4,
  POLLUX_EPOLLERR = 0x8,      // always told
  POLLUX_EPOLLHUP = 0x10,     // always told
  POLLUX_EPOLLRDHUP = 0x2000,
  POLLUX_EPOLLEXCLUSIVE = 1 << 28,
  POLLUX_EPOLLONESHOT = 1 << 30,
};
#define POLLUX_EPOLLET (1u << 31)

enum { POLLUX_EPOLL_CTL_ADD = 1, POLLUX_EPOLL_CTL_DEL = 2, POLLUX_EPOLL_CTL_MOD = 3 };

struct pollux_epoll_event {  // 16 bytes
  uint32_t events;
  uint64_t data;  // at 8
};

// A new interest set, as a descriptor, which close() closes. EMFILE: there are 64 already.
POLLUX_FUNCTION(epoll_create)(int *epfd);
// EEXIST, ENOENT, EBADF, EPERM (a regular file), EINVAL: as epoll_ctl(2). `event` may be null for
// DEL.
POLLUX_FUNCTION(epoll_ctl)(int epfd, int op, int fd, const struct pollux_epoll_event *event);
// Fills at most `max` (≥ 1) events and says how many; 0 when time ran out.
POLLUX_FUNCTION(epoll_wait)(int epfd, struct pollux_epoll_event *events, uint32_t max,
                            int64_t timeout_ns, uint32_t *count);

// ---- signal-driven I/O: fcntl(2) F_SETOWN_EX, F_SETSIG, O_ASYNC

struct pollux_signal {  // 8 bytes
  int32_t fd;     // si_fd; POLLUX_OVERFLOW: signals were lost, so look at every armed descriptor
  uint32_t band;  // si_band: a mask of EPOLLIN, EPOLLOUT, ...
};
#define POLLUX_OVERFLOW (-1)

// From now on a real-time signal is queued whenever I/O becomes possible on `fd` (`on` 1), or no
// longer (0). Like an edge: what was there before tells nothing, and one signal may stand for more
// than one message. EPERM: no socket (a stream may be shared with other processes). EBUSY: somebody
// else is told of it already.
POLLUX_FUNCTION(signal_arm)(int fd, int on);
// Takes pending signals, at most `max` (≥ 1), oldest first; waits until there is one.
POLLUX_FUNCTION(signal_wait)(struct pollux_signal *signals, uint32_t max, int64_t timeout_ns,
                             uint32_t *count);

// ---- asynchronous I/O
//
// What is in flight on one descriptor in one direction (ACCEPT and RECV; SEND) is done in order. It
// goes on when the descriptor is closed: cancel it first to be rid of it. Not for reactors.

enum pollux_opcode {
  POLLUX_ACCEPT = 1,   // result: a descriptor, non-blocking
  POLLUX_RECV = 2,     // result: bytes, which reap() puts into its buffer; 0: the peer shut down;
                       // of several on one descriptor, any may get what comes next
  POLLUX_SEND = 3,     // result: bytes sent, maybe fewer than given, at most 65,536
  POLLUX_CLOSE = 4,    // result: 0
  POLLUX_TIMEOUT = 5,  // result: -ETIMEDOUT when `argument` nanoseconds are over
  POLLUX_CANCEL = 6,   // result: 0, or -ENOENT; the target completes with -ECANCELED
};

// ACCEPT, RECV: go on until cancelled, an end, or an error; all completions but the last have
// POLLUX_MORE.
enum { POLLUX_MULTISHOT = 1 };
// In a completion: the operation goes on.
enum { POLLUX_MORE = 1 };
// No completion of RECV has more bytes than this; the buffer of reap() must hold at least one.
enum { POLLUX_RECV_BYTES = 16384 };

struct pollux_operation {  // 32 bytes
  uint64_t userdata;       // comes back with its completions
  uint8_t opcode;          // at 8
  uint8_t flags;           // at 9
  uint16_t reserved;       // 0
  int32_t fd;              // at 12
  const void *bytes;       // at 16; SEND: copied before submit() returns
  uint32_t length;         // at 20; SEND: how many bytes; RECV: at most that many, 0: no limit
  uint64_t argument;       // at 24; TIMEOUT: nanoseconds; CANCEL: the userdata of its target
};

struct pollux_completion {  // 24 bytes
  uint64_t userdata;
  int32_t result;  // at 8; ≥ 0, or a negated errno
  uint8_t flags;   // at 12
  uint8_t opcode;  // at 13
  uint16_t reserved;
  uint32_t offset;  // at 16; RECV: where in the buffer of reap() its bytes begin
  uint32_t reserved2;
};

// Starts operations, in order, and says how many it took: fewer than `count` when too many are in
// flight. An operation that is wrong in itself (EBADF, EINVAL, ENOTCAPABLE) completes with that.
POLLUX_FUNCTION(submit)(const struct pollux_operation *operations, uint32_t count,
                        uint32_t *accepted);
// Takes completions, in the order in which they happened, at most `max` (≥ 1); waits until there
// are `min` (0: only looks) or time ran out. Received bytes go to buffer[0 .. length).
POLLUX_FUNCTION(reap)(struct pollux_completion *completions, uint32_t max, void *buffer,
                      uint32_t length, uint32_t min, int64_t timeout_ns, uint32_t *count);

// ---- fault points, for the simulator

// Says whether the fault that the `length` (≤ 64) bytes at `label` name shall happen now: 1 or 0.
// It never does but in a simulated world.
POLLUX_FUNCTION(fault_maybe)(const char *label, uint32_t length, uint32_t *happens);

// True if what `label` names shall go wrong now: `if (pollux_maybe("cache/miss")) ...`. The binary
// that was simulated is the one that serves, so this is a call of the host, which the real kernel
// answers with 0. Where that is too much, -DNDEBUG makes it nothing, as it does assert(); so does
// not to use it: nothing is imported then.
static inline bool pollux_maybe(const char *label) {
#ifdef NDEBUG
  (void)label;
  return false;
#else
  uint32_t happens = 0;
  return pollux_fault_maybe(label, (uint32_t)strlen(label), &happens) == 0 && happens != 0;
#endif
}
