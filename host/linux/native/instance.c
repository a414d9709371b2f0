/* The addon's entry, and what one thread's instance of it owns. */
#include "native.h"
#include "system_call.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool include(struct bits *bits, int fd) {
  size_t needed = (size_t)fd / 8 + 1;
  if (needed > bits->size) {
    size_t size = needed < 128 ? 128 : needed * 2;
    uint8_t *bytes = realloc(bits->bytes, size);
    if (!bytes) return false;
    memset(bytes + bits->size, 0, size - bits->size);
    *bits = (struct bits){.bytes = bytes, .size = size};
  }
  bits->bytes[fd / 8] |= (uint8_t)(1 << fd % 8);
  return true;
}

bool includes(const struct bits *bits, int fd) {
  return fd >= 0 && (size_t)fd / 8 < bits->size && bits->bytes[fd / 8] >> fd % 8 & 1;
}

void exclude(struct bits *bits, int fd) {
  if (includes(bits, fd)) bits->bytes[fd / 8] &= (uint8_t) ~(1 << fd % 8);
}

int own(struct instance *instance, int fd) {
  if (fd < 0) return -errno;
  if (!include(&instance->owned, fd)) {
    close(fd);
    return -ENOMEM;
  }
  return fd;
}

bool owns(const struct instance *instance, int fd) { return includes(&instance->owned, fd); }

void disown(struct instance *instance, int fd) {
  exclude(&instance->owned, fd);
  forget_sender(instance, fd);
  exclude(&instance->retired, fd);
  exclude(&instance->known, fd);
  exclude(&instance->regular, fd);
  forget_listing(instance, fd);
}

void forget_everywhere(struct instance *instance, int fd) {
  forget_in_pollers(instance, fd);
  forget_in_signals(instance, fd);
}

int close_owned(struct instance *instance, int fd) {
  if (!owns(instance, fd)) return -EBADF;
  forget_everywhere(instance, fd);
  ahead_closing(instance, fd);
  int later = close_later(instance, fd);
  if (later != 0) return later < 0 ? later : 0;
  disown(instance, fd);
  return close(fd) < 0 ? -errno : 0;
}

void close_count(struct instance *instance) {
  if (instance->shared_calls) napi_delete_reference(instance->env, instance->shared_calls);
  instance->shared_calls = NULL;
  instance->calls = &instance->own_calls;
}

/* countCalls(count): a BigUint64Array of one number, which counts system calls from now on; any
 * other value ends that */
static napi_value countCalls(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  void *count;
  size_t length;
  close_count(call.instance);
  if (!argument_array(&call, 0, napi_biguint64_array, &count, &length) || length < 1)
    return answer(env, -EFAULT);
  if (napi_create_reference(env, call.argv[0], 1, &call.instance->shared_calls) != napi_ok)
    return answer(env, -ENOMEM);
  call.instance->calls = count;
  return answer(env, 0);
}

/* Runs when the thread ends, also when it was terminated in the middle of a call. */
static void finalize(napi_env env, void *data, void *hint) {
  struct instance *instance = data;
  close_count(instance);
  close_watches(instance);
  close_queues(instance);
  close_pollers(instance);
  close_signals(instance);
  for (int fd = 0; (size_t)fd < instance->owned.size * 8; fd++) {
    if (!owns(instance, fd)) continue;
    ahead_closing(instance, fd);
    forget_sender(instance, fd);
    close(fd);
  }
  close_ahead(instance);
  close_message(instance);
  free(instance->owned.bytes);
  free(instance->retired.bytes);
  free(instance->known.bytes);
  free(instance->regular.bytes);
  close_listings(instance);
  free(instance);
}

NAPI_MODULE_INIT() {
  struct instance *instance = calloc(1, sizeof *instance);
  if (!instance || napi_set_instance_data(env, instance, finalize, NULL) != napi_ok) {
    free(instance);
    napi_throw_error(env, NULL, "pollux: no memory for the addon");
    return NULL;
  }
  instance->env = env;
  instance->calls = &instance->own_calls;
  static const export_functions rooms[] = {export_readiness, export_signal, export_completion,
                                           export_socket,    export_file,   export_regular,
                                           export_beneath,   export_path,   export_directory,
                                           export_clock,     export_loop,   export_process,
                                           export_datagram,  export_landlock,
                                           export_seccomp,   export_ahead,
                                           export_message};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) rooms[i](env, exports);
  napi_property_descriptor own[] = {EXPORT(countCalls)};
  define(env, exports, own, 1);
  return exports;
}
