/* Interest sets, by the number that JavaScript knows them by, and the wait for a single descriptor.
 */
#include "native.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct poller *poller_of(const struct instance *instance, int number) {
  return number < 0 || number >= instance->poller_capacity ? NULL : instance->pollers[number];
}

/* A number that no set has, or -ENOMEM. */
static int free_number(struct instance *instance) {
  int number = 0;
  while (number < instance->poller_capacity && instance->pollers[number]) number++;
  if (number < instance->poller_capacity) return number;
  int capacity = number < 8 ? 8 : number * 2;
  struct poller **pollers = realloc(instance->pollers, (size_t)capacity * sizeof *pollers);
  if (!pollers) return -ENOMEM;
  memset(pollers + number, 0, (size_t)(capacity - number) * sizeof *pollers);
  instance->pollers = pollers;
  instance->poller_capacity = capacity;
  return number;
}

static void destroy(struct instance *instance, int number) {
  struct poller *poller = poller_of(instance, number);
  if (!poller) return;
  instance->pollers_by_edge -= poller->by_edge;
  poller->backend->close(poller);
  free(poller);
  instance->pollers[number] = NULL;
}

void close_pollers(struct instance *instance) {
  for (int i = 0; i < instance->poller_capacity; i++) destroy(instance, i);
  free(instance->pollers);
}

void forget_in_pollers(struct instance *instance, int fd) {
  for (int i = 0; i < instance->poller_capacity; i++) {
    if (instance->pollers[i]) instance->pollers[i]->backend->forget(instance->pollers[i], fd);
  }
}

/* pollerOpen(name, wake): a number, or a negated errno */
static napi_value pollerOpen(napi_env env, napi_callback_info info) {
  static const struct backend *const backends[] = {&readiness_epoll, &readiness_poll,
                                                   &readiness_select};
  struct call call = begin(env, info);
  char name[16];
  if (!argument_text(&call, 0, name, sizeof name)) return answer(env, -EINVAL);
  int number = free_number(call.instance);
  if (number < 0) return answer(env, number);
  for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
    if (strcmp(backends[i]->name, name) != 0) continue;
    struct poller *poller = calloc(1, sizeof *poller);
    if (!poller) return answer(env, -ENOMEM);
    *poller = (struct poller){.backend = backends[i],
                               .instance = call.instance,
                               .descriptor = -1};
    call.instance->pollers[number] = poller;
    int result = poller->backend->open(poller, argument_int(&call, 1));
    if (result < 0) destroy(call.instance, number);
    return answer(env, result < 0 ? result : number);
  }
  return answer(env, -EINVAL);
}

/* pollerSet(poller, fd, interest, trigger, token) */
static napi_value pollerSet(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct poller *poller = poller_of(call.instance, argument_int(&call, 0));
  if (!poller) return answer(env, -EBADF);
  int trigger = argument_int(&call, 3);
  if (trigger & TRIGGER_EDGE && !poller->by_edge) {
    poller->by_edge = true;
    call.instance->pollers_by_edge++;
  }
  count_calls(call.instance, 1);
  return answer(env, poller->backend->set(poller, argument_int(&call, 1), argument_u32(&call, 2),
                                          trigger, argument_int(&call, 4)));
}

/* pollerRemove(poller, fd) */
static napi_value pollerRemove(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct poller *poller = poller_of(call.instance, argument_int(&call, 0));
  if (!poller) return answer(env, -EBADF);
  count_calls(call.instance, 1);
  return answer(env, poller->backend->remove(poller, argument_int(&call, 1)));
}

/* pollerWait(poller, events, timeoutNs): events is an Int32Array, EVENT_STRIDE words an event */
static napi_value pollerWait(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct poller *poller = poller_of(call.instance, argument_int(&call, 0));
  void *events;
  size_t words;
  if (!poller) return answer(env, -EBADF);
  if (!argument_array(&call, 1, napi_int32_array, &events, &words)) return answer(env, -EFAULT);
  size_t capacity = words * sizeof(int32_t) / sizeof(struct event);
  if (capacity == 0 || capacity > INT32_MAX / sizeof(struct event)) return answer(env, -EINVAL);
  return answer(env, ahead_wait(call.instance, poller, events, (int)capacity,
                                argument_double(&call, 2)));
}

/* pollerClose(poller) */
static napi_value pollerClose(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  destroy(call.instance, argument_int(&call, 0));
  return answer(env, 0);
}

/* waitFor(fd, interest, timeoutNs, wake): the mask that is ready, 0, or a negated errno; EINTR when
 * woken */
static napi_value waitFor(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct pollfd fds[2] = {
      {.fd = argument_int(&call, 3), .events = POLLIN},
      {.fd = argument_int(&call, 0), .events = (short)argument_u32(&call, 1)},
  };
  struct timespec storage;
  if (fds[1].fd < 0) return answer(env, -EBADF); /* poll would pass it over, and wait for ever */
  bool held = fds[1].events & POLLIN && ahead_holds(call.instance, fds[1].fd);
  double timeout_ns = held ? 0 : argument_double(&call, 2);
  count_calls(call.instance, 1);
  int ready = ppoll(fds, 2, timespec_of(timeout_ns, &storage), NULL);
  if (held && (ready < 0 || !fds[0].revents))
    return answer(env, POLLIN | (ready > 0 ? fds[1].revents : 0));
  if (ready < 0) return answer(env, -errno);
  if (fds[0].revents) return answer(env, -EINTR);
  return answer(env, fds[1].revents & POLLNVAL ? -EBADF : fds[1].revents);
}

/* eventOpen(): an eventfd to wake waits with */
static napi_value eventOpen(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  return answer(env, own(call.instance, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
}

/* eventSignal(fd, on): makes it readable, or no longer readable */
static napi_value eventSignal(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  uint64_t value = 1;
  int fd = argument_int(&call, 0);
  ssize_t done =
      argument_int(&call, 1) ? write(fd, &value, sizeof value) : read(fd, &value, sizeof value);
  return answer(env, done < 0 ? -errno : 0);
}

void export_readiness(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {
      EXPORT(pollerOpen),  EXPORT(pollerSet), EXPORT(pollerRemove), EXPORT(pollerWait),
      EXPORT(pollerClose), EXPORT(waitFor),   EXPORT(eventOpen),    EXPORT(eventSignal),
  };
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
