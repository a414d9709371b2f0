/* Time and chance: clock_gettime(2), getrandom(2), and giving way to another thread. */
#include "native.h"

#include <sched.h>
#include <sys/random.h>

static bool clock_of(const struct call *call, clockid_t *clock) {
  static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                     CLOCK_THREAD_CPUTIME_ID};
  uint32_t number = argument_u32(call, 0);
  if (number >= sizeof clocks / sizeof *clocks) return false;
  *clock = clocks[number];
  return true;
}

/* now(clock): nanoseconds, a bigint */
static napi_value now(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct timespec time = {0};
  clockid_t clock;
  if (clock_of(&call, &clock)) clock_gettime(clock, &time);
  return answer_u64(env, nanoseconds(time));
}

/* resolution(clock): nanoseconds, a bigint */
static napi_value resolution(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct timespec time = {0};
  clockid_t clock;
  if (clock_of(&call, &clock)) clock_getres(clock, &time);
  return answer_u64(env, nanoseconds(time));
}

/* fillRandom(memory, offset, length) */
static napi_value fillRandom(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  uint8_t *memory;
  size_t size;
  if (!argument_bytes(&call, 0, &memory, &size)) return answer(env, -EFAULT);
  uint64_t at = argument_u32(&call, 1), length = argument_u32(&call, 2);
  if (at + length > size) return answer(env, -EFAULT);
  while (length > 0) {
    ssize_t bytes = getrandom(memory + at, length, 0);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return answer(env, -errno);
    at += (uint64_t)bytes;
    length -= (uint64_t)bytes;
  }
  return answer(env, 0);
}

static napi_value giveWay(napi_env env, napi_callback_info info) {
  sched_yield();
  return answer(env, 0);
}

void export_clock(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(now), EXPORT(resolution), EXPORT(fillRandom),
                                          EXPORT(giveWay)};
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
