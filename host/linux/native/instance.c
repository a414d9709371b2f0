/* The addon's entry, and what one thread's instance of it owns. */
#include "native.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool reserve(struct instance *instance, int fd) {
  size_t bytes = (size_t)fd / 8 + 1;
  if (bytes <= instance->owned_bytes) return true;
  size_t grown = bytes < 128 ? 128 : bytes * 2;
  uint8_t *owned = realloc(instance->owned, grown);
  if (!owned) return false;
  memset(owned + instance->owned_bytes, 0, grown - instance->owned_bytes);
  instance->owned = owned;
  instance->owned_bytes = grown;
  return true;
}

int own(struct instance *instance, int fd) {
  if (fd < 0) return -errno;
  if (!reserve(instance, fd)) {
    close(fd);
    return -ENOMEM;
  }
  instance->owned[fd / 8] |= (uint8_t)(1 << fd % 8);
  return fd;
}

bool owns(const struct instance *instance, int fd) {
  return fd >= 0 && (size_t)fd / 8 < instance->owned_bytes && instance->owned[fd / 8] >> fd % 8 & 1;
}

void disown(struct instance *instance, int fd) {
  if (owns(instance, fd)) instance->owned[fd / 8] &= (uint8_t) ~(1 << fd % 8);
}

int close_owned(struct instance *instance, int fd) {
  if (!owns(instance, fd)) return -EBADF;
  forget_everywhere(instance, fd);
  int later = close_later(instance, fd);
  if (later != 0) return later < 0 ? later : 0;
  disown(instance, fd);
  return close(fd) < 0 ? -errno : 0;
}

/* Runs when the thread ends, also when it was terminated in the middle of a call. */
static void finalize(napi_env env, void *data, void *hint) {
  struct instance *instance = data;
  close_watches(instance);
  close_queues(instance);
  close_pollers(instance);
  for (size_t byte = 0; byte < instance->owned_bytes; byte++) {
    for (int bit = 0; instance->owned[byte] && bit < 8; bit++) {
      if (instance->owned[byte] >> bit & 1) close((int)(byte * 8) + bit);
    }
  }
  free(instance->owned);
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
  static const export_functions rooms[] = {export_readiness, export_socket, export_file,
                                           export_clock,      export_loop,   export_completion};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) rooms[i](env, exports);
  return exports;
}
