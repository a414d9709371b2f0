/* Sockets that are granted beside those of TCP: of datagrams, of this machine alone (unix(7)), and
 * what the process was started with; and the answers to datagrams of whoever sent the last one. */
#include "address.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* The sender of the last datagram that was received from fd. */
struct sender {
  struct sender *next;
  int fd;
  socklen_t length;
  union address address;
};

static struct sender *sender_of(const struct instance *instance, int fd) {
  struct sender *sender = instance->senders;
  while (sender && sender->fd != fd) sender = sender->next;
  return sender;
}

void remember_sender(struct instance *instance, int fd, const void *address, socklen_t length) {
  struct sender *sender = sender_of(instance, fd);
  if (length == 0 || length > sizeof sender->address) return;
  if (!sender) {
    sender = calloc(1, sizeof *sender);
    if (!sender) return; /* nobody can be answered, which a send will say */
    sender->fd = fd;
    sender->next = instance->senders;
    instance->senders = sender;
  }
  memcpy(&sender->address, address, length);
  sender->length = length;
}

void forget_sender(struct instance *instance, int fd) {
  for (struct sender **each = &instance->senders; *each; each = &(*each)->next) {
    if ((*each)->fd != fd) continue;
    struct sender *found = *each;
    *each = found->next;
    free(found);
    return;
  }
}

/* answerSender(fd, memory, iovs, iovsCount, skip): to who sent the last datagram, if anybody did */
static napi_value answerSender(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct iovec iovs[MAX_IOVS];
  int fd = argument_int(&call, 0), count = argument_iovs(&call, 1, iovs);
  if (count < 0) return answer(env, count);
  struct sender *sender = sender_of(call.instance, fd);
  if (!sender) return answer(env, -EDESTADDRREQ);
  struct msghdr message = {.msg_name = &sender->address,
                           .msg_namelen = sender->length,
                           .msg_iov = iovs,
                           .msg_iovlen = (size_t)count};
  count_calls(call.instance, 1);
  ssize_t bytes = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return answer(env, bytes < 0 ? -errno : bytes);
}

static int open_at(struct instance *instance, const union address *address, int length, int type,
                   int backlog) {
  int fd = own(instance, socket(address->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd < 0) return fd;
  int result = backlog < 0 ? connect(fd, &address->any, (socklen_t)length)
                           : bind(fd, &address->any, (socklen_t)length);
  if (result == 0 && backlog > 0) result = listen(fd, backlog);
  if (result == 0) return fd;
  int error = errno;
  close_owned(instance, fd);
  return -error;
}

/* datagram(host, port, bound): a socket of UDP that is bound to an address, or connected to it */
static napi_value datagram(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  union address address;
  int length = address_of(&call, 0, &address);
  if (length < 0) return answer(env, length);
  int backlog = argument_int(&call, 2) ? 0 : -1;
  return answer(env, open_at(call.instance, &address, length, SOCK_DGRAM, backlog));
}

/* local(path, backlog): a stream socket that listens at a path, or with a backlog of -1 is
 * connected to it; `@` stands for a zero byte, with which the names begin that are no paths */
static napi_value local(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  union address address = {.local = {.sun_family = AF_UNIX}};
  if (!argument_text(&call, 0, address.local.sun_path, sizeof address.local.sun_path))
    return answer(env, -ENAMETOOLONG);
  bool is_path = address.local.sun_path[0] != '@';
  size_t length = strlen(address.local.sun_path) + is_path;
  if (!is_path) address.local.sun_path[0] = 0;
  length += offsetof(struct sockaddr_un, sun_path);
  int backlog = argument_int(&call, 1);
  return answer(env, open_at(call.instance, &address, (int)length, SOCK_STREAM, backlog));
}

/* inherited(fd): 1 for a listener, 2 for a stream socket, 3 for one of datagrams, which is
 * non-blocking from now on */
static napi_value inherited(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int fd = argument_int(&call, 0), type = 0, listens = 0, flags = fcntl(fd, F_GETFL);
  socklen_t size = sizeof type;
  if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
    return answer(env, -errno);
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0) return answer(env, -errno);
  if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return answer(env, -errno);
  return answer(env, type == SOCK_DGRAM ? 3 : listens ? 1 : 2);
}

void export_datagram(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(datagram), EXPORT(local), EXPORT(inherited),
                                          EXPORT(answerSender)};
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
